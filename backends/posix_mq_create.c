/*
 * Making a queue.
 *
 * The memory that a queue may take is charged to the *real* uid of who makes it, for as long as it exists, and held against
 * RLIMIT_MSGQUEUE of that process (mq_open(3)). No thread of the daemon may have the caller's real uid: the caller could
 * kill it, and the daemon with it. So a child process makes the queue. It has all of the caller's ids and the caller's
 * limit, makes a few system calls and ends.
 *
 * From the moment it has the caller's ids, the caller may stop and kill it. Whoever does so holds up nobody but himself: this
 * runs on a worker, a child that is seen to be stopped is killed, and what has become of the queue is looked up then. The
 * daemon's memory, of which the child has a copy, stays closed to the caller: a process that has changed its ids cannot be
 * traced, nor does it dump core (prctl(2), PR_SET_DUMPABLE).
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/identity.h"
#include "backends/posix_mq.h"
#include "backends/process.h"
#include "backends/why.h"

enum {
	LOOK_MS = 10,           /* how often the child is looked at */
	MOST_MS = 5000,         /* what it may take, on a machine that has other things to do */
	LIMIT_DEFAULT = 819200, /* the kernel's MQ_BYTES_MAX: where the caller's own limit is not known */
	KEPT = 3                /* descriptors that the child uses */
};

/* What the child is to do, all of it known before it is there: it must not allocate, or take a lock. */
typedef struct Making {
	const PosixMqOrder *order;
	const char *name;
	bool played; /* it has the daemon's real uid, and the caller's effective one */
	uid_t uid;
	gid_t gid;
	rlim_t limit, most; /* the caller's, and what can be had where the daemon may not raise its own */
	int kept[KEPT];     /* its descriptors, ascending; -1: none */
	int out;
} Making;

/* What it reports. */
typedef struct Made {
	int result; /* 0 or a negative errno */
	int64_t inode;
} Made;

/* -- The child ------------------------------------------------------------------------------------------------------ */

/* Whatever else the daemon has open lives no longer for it. */
static void keep_descriptors(const Making *making)
{
	unsigned first = STDERR_FILENO + 1;

	for (int i = 0; i < KEPT; i++) {
		if (making->kept[i] < 0)
			continue;
		if ((unsigned)making->kept[i] > first)
			close_range(first, (unsigned)making->kept[i] - 1, 0);
		first = (unsigned)making->kept[i] + 1;
	}
	close_range(first, ~0U, 0);
}

static void set_limit(rlim_t limit, rlim_t most)
{
	const struct rlimit wanted = {limit, limit}, possible = {most, most};

	if (setrlimit(RLIMIT_MSGQUEUE, &wanted))
		setrlimit(RLIMIT_MSGQUEUE, &possible);
}

/* Raw calls: libc's look for the other threads, which are not here. The groups are the caller's already. */
static int become_caller(const Making *making)
{
	if (making->played && syscall(SYS_setresuid, -1, 0, -1))
		return -errno;
	set_limit(making->limit, making->most);
	if (making->played && (syscall(SYS_setresgid, making->gid, making->gid, making->gid) ||
			       syscall(SYS_setresuid, making->uid, making->uid, making->uid)))
		return -errno;
	return 0;
}

/* The name is free of the old queue from here on. 1: which holds a message. */
static int take_name(const PosixMqOrder *order)
{
	struct mq_attr attr;
	char event;

	/* EINVAL: there is an event, which has no room in a byte. */
	if (read(order->opened, &event, sizeof event) >= 0 || errno != EAGAIN)
		return -ESTALE;
	if (syscall(SYS_mq_unlink, order->name))
		return -errno;
	return mq_getattr(order->replaces, &attr) == 0 && attr.mq_curmsgs > 0;
}

static Made make(const Making *making)
{
	const PosixMqOrder *order = making->order;
	Made made = {.result = become_caller(making)};
	struct stat stat;
	int mqd, kept = 0;

	if (made.result == 0 && order->replaces >= 0) {
		kept = take_name(order);
		made.result = MIN(kept, 0);
	}
	if (made.result < 0)
		return made;
	umask(0);
	mqd = (int)syscall(SYS_mq_open, making->name, O_CREAT | O_EXCL | O_RDWR, order->mode,
			   kept ? order->before : order->attr);
	if (mqd < 0) {
		made.result = -errno;
		return made;
	}
	if (order->trial)
		syscall(SYS_mq_unlink, making->name);
	if (fstat(mqd, &stat) == 0)
		made.inode = (int64_t)stat.st_ino;
	made.result = kept ? -EBUSY : 0;
	return made;
}

static void G_GNUC_NORETURN child(const Making *making)
{
	Made made;

	keep_descriptors(making);
	made = make(making);
	/* Where nobody reads it, nobody wants to know. */
	if (write(making->out, &made, sizeof made) < 0)
		_exit(1);
	_exit(0);
}

/* -- The parent ----------------------------------------------------------------------------------------------------- */

/* Waits for the report. False: the child has ended without one, or will. */
static bool hear(pid_t pid, int in, Made *out)
{
	struct pollfd report = {.fd = in, .events = POLLIN};

	for (int waited = 0; waited < MOST_MS; waited += LOOK_MS) {
		siginfo_t state = {0};

		if (poll(&report, 1, LOOK_MS) > 0)
			return read(in, out, sizeof *out) == (ssize_t)sizeof *out;
		if (waitid(P_PID, (id_t)pid, &state, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
		    state.si_code == CLD_STOPPED)
			break;
	}
	return false;
}

/* The child is our own and nobody has waited for it: its number is still its own. */
static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitid(P_PID, (id_t)pid, NULL, WEXITED) < 0 && errno == EINTR)
		;
}

/* The child was killed. What has it done? */
static Made find_out(const Making *making)
{
	const PosixMqOrder *order = making->order;
	struct stat stat, old = {0};
	Object object;

	if (order->trial)
		syscall(SYS_mq_unlink, making->name);
	else if (posix_mq_find(order->name, &object) == 0 && posix_mq_stat(&object, &stat) == 0 &&
		 stat.st_uid == making->uid &&
		 (order->replaces < 0 || (fstat(order->replaces, &old) == 0 && old.st_ino != stat.st_ino)))
		return (Made){.inode = object.id};
	return (Made){
		.result = why_refuse(EINTR, "the process that was to make the queue for you was stopped or killed")};
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Has a child do it. As the daemon but for the effective ids, which are the child's at first. */
static Made delegate(Making *making)
{
	const PosixMqOrder *order = making->order;
	int ends[2];
	Made made;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return (Made){.result = why_refuse(ENFILE, "the daemon has no descriptor left")};
	making->out = ends[1];
	making->kept[0] = ends[1];
	making->kept[1] = order->replaces;
	making->kept[2] = order->replaces < 0 ? -1 : order->opened;
	qsort(making->kept, KEPT, sizeof making->kept[0], compare);
	pid = _Fork();
	if (pid == 0)
		child(making);
	close(ends[1]);
	if (pid < 0) {
		made.inode = 0;
		made.result = why_refuse(EAGAIN, "no process can be started to make the queue");
	} else {
		bool heard = hear(pid, ends[0], &made);

		identity_suspend();
		end_child(pid);
		if (!heard)
			made = find_out(making);
		identity_resume();
	}
	close(ends[0]);
	return made;
}

/* -- Refusals ------------------------------------------------------------------------------------------------------- */

static long long limit_of(const char *name)
{
	g_autofree char *path = g_strconcat("/proc/sys/fs/mqueue/", name, NULL);
	g_autofree char *text = NULL;

	return g_file_get_contents(path, &text, NULL, NULL) ? g_ascii_strtoll(text, NULL, 10) : 0;
}

/* What a queue is charged (mq_open(3), getrlimit(2)). */
static long long charge_of(const struct mq_attr *attr)
{
	enum { MESSAGE = 48, NODE = 48 }; /* struct msg_msg and struct posix_msg_tree_node of a 64-bit kernel */
	long long maxmsg = attr ? attr->mq_maxmsg : MIN(limit_of("msg_max"), limit_of("msg_default"));
	long long msgsize = attr ? attr->mq_msgsize : MIN(limit_of("msgsize_max"), limit_of("msgsize_default"));

	return maxmsg * (MESSAGE + msgsize) + MIN(maxmsg, MQ_PRIO_MAX) * NODE;
}

static int explain(int result, const Making *making)
{
	const PosixMqOrder *order = making->order;

	switch (result) {
	case -EMFILE:
		return why_refuse(EMFILE,
				  "it takes %lld bytes, and all queues that you have made%s may take %llu "
				  "together (RLIMIT_MSGQUEUE, ulimit -q)",
				  charge_of(order->attr), order->trial ? ", the old one still among them," : "",
				  (unsigned long long)making->limit);
	case -ENOSPC:
		return why_refuse(ENOSPC, "as many queues exist as limits/mq_queues_max allows: %lld",
				  limit_of("queues_max"));
	case -EINVAL:
		return why_refuse(EINVAL,
				  "%ld messages of %ld bytes: limits/mq_msg_max is %lld and limits/mq_msgsize_max %lld",
				  order->attr ? order->attr->mq_maxmsg : 0, order->attr ? order->attr->mq_msgsize : 0,
				  limit_of("msg_max"), limit_of("msgsize_max"));
	default:
		return result;
	}
}

/* -- Orders --------------------------------------------------------------------------------------------------------- */

/* The caller's own limit, and what the daemon could give at most without a privilege. */
static void find_limits(Making *making)
{
	struct rlimit own;
	uint64_t limit;

	identity_suspend();
	if (!process_limit(identity_pid(), making->uid, "Max msgqueue size", &limit))
		limit = LIMIT_DEFAULT;
	identity_resume();
	making->limit = limit == UINT64_MAX ? RLIM_INFINITY : (rlim_t)limit;
	making->most = making->limit;
	if (getrlimit(RLIMIT_MSGQUEUE, &own) == 0)
		making->most = MIN(making->limit, own.rlim_max);
}

int posix_mq_make(const PosixMqOrder *order, int64_t *inode)
{
	char trial[32]; /* a name that nobody has thought of before */
	Making making = {
		.order = order,
		.name = order->name,
		.played = identity_is_played(),
		.uid = geteuid(),
		.gid = getegid(),
	};
	Made made;

	if (order->trial) {
		snprintf(trial, sizeof trial, "ipcfs-%08x%08x", g_random_int(), g_random_int());
		making.name = trial;
	}
	find_limits(&making);
	made = delegate(&making);
	*inode = made.inode;
	return explain(made.result, &making);
}

int posix_mq_create(const char *name, mode_t mode, Object *out)
{
	const PosixMqOrder order = {.name = name, .mode = mode, .replaces = -1};
	int64_t inode;
	int result = posix_mq_find(name, out);

	if (result != -ENOENT)
		return result == 0 || result == -EACCES ? -EEXIST : result;
	result = posix_mq_make(&order, &inode);
	if (result < 0)
		return result;
	*out = (Object){.id = inode};
	g_strlcpy(out->name, name, sizeof out->name);
	return 0;
}
