/*
 * Sending one signal for a sender: see sender.h.
 *
 * kill(2) compares the sender's real and effective uid with the target's real and saved uid. The thread that sends must not have
 * the sender's real uid, because the sender could then kill the thread. So the thread sends with each of the two uids as its
 * effective uid in turn, which gives the same result. This file itself checks CAP_KILL, and for SIGCONT the session.
 *
 * send.c and group.c call the functions, on any thread. There are no locks.
 */
#include "backends/signal/sender.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/core/credentials.h"
#include "backends/core/procfs.h"
#include "backends/core/refusal.h"

int sender_of(const Caller *caller, Sender *out)
{
	g_autofree char *status = NULL;
	unsigned real, effective;
	const char *uids;
	bool same_pids, same_users;
	int directory;

	if (caller->pid == 0)
		return refuse(
			ESRCH,
			"caller is in a pid namespace that the daemon cannot see: run the command in the daemon's pid "
			"namespace");
	directory = procfs_open(caller->pid, 0);
	if (directory < 0)
		return directory;
	status = procfs_read(directory, "status");
	same_pids = procfs_shares_namespace(directory, "pid");
	same_users = procfs_shares_namespace(directory, "user");
	close(directory);
	uids = status ? procfs_field(status, "Uid") : NULL;
	if (!uids || sscanf(uids, "%u %u", &real, &effective) != 2)
		return -ESRCH;
	/* Natively a process cannot signal the processes of another pid namespace. */
	if (!same_pids)
		return refuse(ESRCH,
			      "caller is in another pid namespace: run the command in the daemon's pid namespace");
	*out = (Sender){
		.pid = (pid_t)procfs_number(status, "Tgid", 10),
		.session = getsid(caller->pid),
		.real = real,
		.effective = effective,
		.gid = caller->gid,
		.cap_kill = same_users && (procfs_number(status, "CapEff", 16) >> CAP_KILL & 1),
	};
	return 0;
}

/* -- Sending ------------------------------------------------------------------------------------------------------------ */

/* Sends the signal with the ids that this thread has. */
static int send_now(const Sender *sender, const Target *target, int number, int value)
{
	siginfo_t info;

	memset(&info, 0, sizeof info);
	info.si_signo = number;
	info.si_code = SI_QUEUE;
	info.si_pid = sender->pid;
	info.si_uid = sender->real;
	info.si_value.sival_int = value;
	return syscall(SYS_pidfd_send_signal, target->pidfd, number, &info, target->flags) ? -errno : 0;
}

/* For a sender that is root without CAP_KILL: this thread gives up the capability while it sends. */
static int send_without_cap_kill(const Sender *sender, const Target *target, int number, int value)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct full[2], reduced[2];
	int result;

	if (syscall(SYS_capget, &header, full))
		return -errno;
	memcpy(reduced, full, sizeof reduced);
	reduced[0].effective &= ~(1U << CAP_KILL);
	if (syscall(SYS_capset, &header, reduced))
		return -errno;
	result = send_now(sender, target, number, value);
	if (syscall(SYS_capset, &header, full))
		g_error("cannot regain CAP_KILL: %s", g_strerror(errno));
	return result;
}

/* Sends the signal with this effective uid. */
static int send_as(uid_t uid, const Sender *sender, const Target *target, int number, int value)
{
	const Caller caller = {.uid = uid, .gid = sender->gid};
	int result = creds_override_sender(&caller);

	if (result < 0)
		return result;
	if (uid == 0)
		result = send_without_cap_kill(sender, target, number, value);
	else
		result = send_now(sender, target, number, value);
	creds_revert();
	return result;
}

/* The kernel lets the daemon signal itself without a check. All uids of the daemon are the same. */
static bool may_signal_daemon(const Sender *sender)
{
	return sender->cap_kill || sender->real == getuid() || sender->effective == getuid();
}

/* Sends the signal if kill(2) lets the sender, SIGCONT's rule about sessions excepted. */
static int send_checked(const Sender *sender, const Target *target, int number, int value)
{
	int result;

	if (target->process == getpid() && !may_signal_daemon(sender))
		return -EPERM;
	if (sender->cap_kill)
		return send_now(sender, target, number, value);
	result = send_as(sender->effective, sender, target, number, value);
	if (result == -EPERM && sender->real != sender->effective)
		result = send_as(sender->real, sender, target, number, value);
	return result;
}

/*
 * A process may send SIGCONT to every process of its session. The kernel would check the session of the daemon instead, so the
 * signal 0 is sent first, for which the session does not matter.
 */
static int send_continue(const Sender *sender, const Target *target, int value)
{
	int result = send_checked(sender, target, 0, 0);

	if (result == 0)
		return send_checked(sender, target, SIGCONT, value);
	if (result == -EPERM && sender->session > 0 && getsid(target->process) == sender->session)
		return send_now(sender, target, SIGCONT, value);
	return result;
}

int sender_send(const Sender *sender, const Target *target, int number, int value)
{
	int result = number == SIGCONT ? send_continue(sender, target, value) :
					 send_checked(sender, target, number, value);

	if (result == -EPERM)
		return refuse(
			EPERM,
			"kill(2) does not let uid %u signal this process: send as the owner of the process, or as root",
			sender->effective);
	return result;
}

int sender_send_unchecked(const Sender *sender, const Target *target, int number, int value)
{
	return send_now(sender, target, number, value);
}

int pidfd_of(pid_t pid, bool thread)
{
	enum { PIDFD_OF_THREAD = O_EXCL }; /* PIDFD_THREAD */
	int fd = (int)syscall(SYS_pidfd_open, pid, thread ? PIDFD_OF_THREAD : 0);

	if (fd >= 0)
		return fd;
	if (errno == EMFILE || errno == ENFILE)
		return refuse_descriptor(errno);
	if (thread && errno == EINVAL)
		return refuse(ENOSYS,
			      "kernel is older than Linux 6.9, which signals to a thread require: send to the process");
	return -ESRCH;
}
