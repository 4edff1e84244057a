/*
 * Senders of signals, and sending for them.
 *
 * The daemon sends a signal with pidfd_send_signal(2) and the sender's effective ids (creds_override_sender()), so that the
 * kernel's own check decides. The signal carries the code SI_QUEUE with the sender's pid and uid, and the value. The code
 * SI_USER, which kill(2) gives, would name the daemon: the kernel lets no process set it for another one.
 */
#pragma once

#include "backends/core/backend.h"

/* The process that opened a file, as it was at that moment. Plain data, which the open file keeps. */
typedef struct Sender {
	pid_t pid, session;
	uid_t real, effective;
	gid_t gid;
	bool cap_kill; /* CAP_KILL, in the daemon's user namespace */
} Sender;

/*
 * Reads the credentials of the caller of the current request from /proc. The caller waits for the reply, so its thread id cannot
 * have been reused. Returns 0 or a negative errno. -ESRCH: the caller is not in the daemon's pid namespace.
 */
int sender_of(const Caller *caller, Sender *out);

/* The target of a signal. */
typedef struct Target {
	int pidfd;      /* of a process, of a thread (PIDFD_THREAD), or of the leader of a group */
	pid_t process;  /* the process, or the process of the thread: kill(2) would let the daemon signal itself */
	unsigned flags; /* of pidfd_send_signal: TARGET_GROUP */
} Target;

enum { TARGET_GROUP = 1 << 2 /* PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9 */ };

/*
 * Sends the signal `number` (0: checks permission only) with a value. Returns 0, -EPERM or -ESRCH as kill(2), or -EAGAIN: the
 * target's user has too many signals queued.
 */
int sender_send(const Sender *sender, const Target *target, int number, int value);

/* The same without the check of the sender's permission. */
int sender_send_unchecked(const Sender *sender, const Target *target, int number, int value);

/* pidfd_open(2). Returns a descriptor, -ESRCH or -ENFILE; or -ENOSYS for a thread before Linux 6.9. */
int pidfd_of(pid_t pid, bool thread);
