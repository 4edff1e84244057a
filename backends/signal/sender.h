/*
 * Who sends a signal, and what the kernel says to it.
 *
 * A signal is sent with pidfd_send_signal(2), under the sender's ids (creds_override_sender), so that the kernel's own
 * check decides. It carries the code SI_QUEUE with the sender's pid, uid and value: SI_USER, what kill(2) gives, the kernel
 * lets nobody but a process itself fill in, and would name the daemon.
 */
#pragma once

#include "backends/core/backend.h"

/* Of the process that opened the file, at that moment. Plain data, to be kept in the open file. */
typedef struct Sender {
	pid_t pid, session;
	uid_t real, effective;
	gid_t gid;
	bool cap_kill; /* CAP_KILL, in the daemon's user namespace */
} Sender;

/*
 * Learns who the caller of the current request is. It waits for our answer, so its thread id is still its own. -ESRCH: it
 * lives in a pid namespace of which the daemon sees nothing.
 */
int sender_of(const Caller *caller, Sender *out);

/* Whom a signal is for. */
typedef struct Target {
	int pidfd;     /* of a process, of a thread (PIDFD_THREAD), or of a group's leader */
	pid_t process; /* the process, or that of the thread: kill(2) lets every process signal itself, so that the daemon,
			   whose thread makes the call, has to be known */
	unsigned flags; /* of pidfd_send_signal: TARGET_GROUP */
} Target;

enum { TARGET_GROUP = 1 << 2 /* PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9 */ };

/* Sends `number` (0: only asks) with a value. 0, or kill(2)'s errno: EPERM, ESRCH; EAGAIN: too many are queued there. */
int sender_signal(const Sender *sender, const Target *target, int number, int value);

/* The same without asking whether the sender may: where that was decided already. */
int sender_signal_allowed(const Sender *sender, const Target *target, int number, int value);

/* pidfd_open(2). A descriptor, or -ESRCH, -ENFILE; -ENOSYS for a thread before Linux 6.9. */
int pidfd_of(pid_t pid, bool thread);
