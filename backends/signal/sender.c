/*
 * kill(2) compares the sender's real and effective uid with the target's real and saved one. The thread that plays the
 * sender must not have the sender's real uid (FACTS: the sender could kill it), so each of the sender's uids in turn is
 * its effective one; that comes to the same. What else kill(2) looks at is looked at here: CAP_KILL, and for SIGCONT the
 * session.
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
	bool here, same_users;
	int directory;

	if (caller->pid == 0)
		return refuse(ESRCH, "you live in a pid namespace that ipcfs does not see");
	directory = procfs_open(caller->pid, 0);
	if (directory < 0)
		return directory;
	status = procfs_read(directory, "status");
	here = procfs_shares_namespace(directory, "pid");
	same_users = procfs_shares_namespace(directory, "user");
	close(directory);
	uids = status ? procfs_field(status, "Uid") : NULL;
	if (!uids || sscanf(uids, "%u %u", &real, &effective) != 2)
		return -ESRCH;
	/* Natively it can name no process outside its own namespace. */
	if (!here)
		return refuse(ESRCH, "you live in another pid namespace than ipcfs, whose processes these are");
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

/* -- Sending -------------------------------------------------------------------------------------------------------- */

/* One signal, under whatever ids this thread has. */
static int shoot(const Sender *sender, const Target *target, int number, int value)
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

/* Root without CAP_KILL: this thread, for a moment, as well. */
static int shoot_without_cap_kill(const Sender *sender, const Target *target, int number, int value)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct all[2], less[2];
	int result;

	if (syscall(SYS_capget, &header, all))
		return -errno;
	memcpy(less, all, sizeof less);
	less[0].effective &= ~(1U << CAP_KILL);
	if (syscall(SYS_capset, &header, less))
		return -errno;
	result = shoot(sender, target, number, value);
	if (syscall(SYS_capset, &header, all))
		g_error("cannot take CAP_KILL back: %s", g_strerror(errno));
	return result;
}

static int shoot_as(uid_t uid, const Sender *sender, const Target *target, int number, int value)
{
	const Caller caller = {.uid = uid, .gid = sender->gid};
	int result = creds_override_sender(&caller);

	if (result < 0)
		return result;
	if (uid == 0)
		result = shoot_without_cap_kill(sender, target, number, value);
	else
		result = shoot(sender, target, number, value);
	creds_revert();
	return result;
}

/* For a signal to the daemon itself the kernel asks nothing: it would be the daemon's own. Its uids are all the same. */
static bool may_signal_daemon(const Sender *sender)
{
	return sender->cap_kill || sender->real == getuid() || sender->effective == getuid();
}

static int judge(const Sender *sender, const Target *target, int number, int value)
{
	int result;

	if (target->process == getpid() && !may_signal_daemon(sender))
		return -EPERM;
	if (sender->cap_kill)
		return shoot(sender, target, number, value);
	result = shoot_as(sender->effective, sender, target, number, value);
	if (result == -EPERM && sender->real != sender->effective)
		result = shoot_as(sender->real, sender, target, number, value);
	return result;
}

/*
 * SIGCONT goes to every process of the sender's session. The kernel would look at the daemon's session instead, so it is
 * first asked about no signal at all.
 */
static int judge_continue(const Sender *sender, const Target *target, int value)
{
	int result = judge(sender, target, 0, 0);

	if (result == 0)
		return judge(sender, target, SIGCONT, value);
	if (result == -EPERM && sender->session > 0 && getsid(target->process) == sender->session)
		return shoot(sender, target, SIGCONT, value);
	return result;
}

int sender_signal(const Sender *sender, const Target *target, int number, int value)
{
	int result = number == SIGCONT ? judge_continue(sender, target, value) : judge(sender, target, number, value);

	if (result == -EPERM)
		return refuse(EPERM, "kill(2) does not let uid %u signal this process", sender->effective);
	return result;
}

int sender_signal_allowed(const Sender *sender, const Target *target, int number, int value)
{
	return shoot(sender, target, number, value);
}

int pidfd_of(pid_t pid, bool thread)
{
	enum { PIDFD_OF_THREAD = O_EXCL }; /* PIDFD_THREAD */
	int fd = (int)syscall(SYS_pidfd_open, pid, thread ? PIDFD_OF_THREAD : 0);

	if (fd >= 0)
		return fd;
	if (errno == EMFILE || errno == ENFILE)
		return refuse(ENFILE, "the daemon has no descriptor left to hold the process with");
	if (thread && errno == EINVAL)
		return refuse(ENOSYS, "signals to a thread need Linux 6.9");
	return -ESRCH;
}
