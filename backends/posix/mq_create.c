/*
 * Making a queue.
 *
 * The memory that a queue may take is charged to the *real* uid of who makes it, for as long as it exists, and held against
 * RLIMIT_MSGQUEUE of that process (mq_open(3)). So a deputy makes the queue, with the caller's ids and limit (deputy.h). Where
 * that is stopped or killed, what has become of the queue is looked up.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/core/helper.h"
#include "backends/core/credentials.h"
#include "backends/posix/mq.h"
#include "backends/core/procfs.h"
#include "backends/core/refusal.h"

enum {
	MOST_MS = 5000,        /* what it may take, on a machine that has other things to do */
	LIMIT_DEFAULT = 819200 /* the kernel's MQ_BYTES_MAX: where the caller's own limit is not known */
};

/* What the deputy is to do. */
typedef struct Making {
	const PosixMqOrder *order;
	const char *name;
	uid_t uid;
	rlim_t limit, most; /* the caller's, and what can be had where the daemon may not raise its own */
} Making;

/* -- The deputy ----------------------------------------------------------------------------------------------------- */

static void set_limit(const void *data)
{
	const Making *making = data;
	const struct rlimit wanted = {making->limit, making->limit}, possible = {making->most, making->most};

	if (setrlimit(RLIMIT_MSGQUEUE, &wanted))
		setrlimit(RLIMIT_MSGQUEUE, &possible);
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

/* Its value: the new queue's inode. */
static HelperReport make(const void *data)
{
	const Making *making = data;
	const PosixMqOrder *order = making->order;
	HelperReport made = {0};
	struct stat stat;
	int mqd, kept = 0;

	if (order->replaces >= 0)
		kept = take_name(order);
	if (kept < 0) {
		made.result = kept;
		return made;
	}
	mqd = (int)syscall(SYS_mq_open, making->name, O_CREAT | O_EXCL | O_RDWR, order->mode,
			   kept ? order->before : order->attr);
	if (mqd < 0) {
		made.result = -errno;
		return made;
	}
	if (order->trial)
		syscall(SYS_mq_unlink, making->name);
	if (fstat(mqd, &stat) == 0)
		made.value = (int64_t)stat.st_ino;
	made.result = kept ? -EBUSY : 0;
	return made;
}

/* -- The parent ----------------------------------------------------------------------------------------------------- */

/* The deputy was killed. What has it done? As the daemon. */
static HelperReport find_out(const Making *making)
{
	const PosixMqOrder *order = making->order;
	struct stat stat, old = {0};
	Object object;

	if (order->trial)
		syscall(SYS_mq_unlink, making->name);
	else if (posix_mq_find(order->name, &object) == 0 && posix_mq_stat(&object, &stat) == 0 &&
		 stat.st_uid == making->uid &&
		 (order->replaces < 0 || (fstat(order->replaces, &old) == 0 && old.st_ino != stat.st_ino)))
		return (HelperReport){.value = object.id};
	return (HelperReport){
		.result = refuse(EINTR, "the process that was to make the queue for you was stopped or killed")};
}

/* Its result is 0 or a negative errno, its value the inode of what was made, or 0. */
static HelperReport delegate(const Making *making)
{
	const PosixMqOrder *order = making->order;
	const HelperProcess helper = {
		.prepare = set_limit,
		.act = make,
		.data = making,
		.descriptors = {order->replaces, order->replaces < 0 ? -1 : order->opened},
		.timeout_ms = MOST_MS,
	};
	HelperReport made = {0};
	int result = helper_run(&helper, &made);

	if (result == -EINTR) {
		creds_raise();
		made = find_out(making);
		creds_lower();
	} else if (result < 0) {
		made.result = result;
	}
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
		return refuse(EMFILE,
			      "it takes %lld bytes, and all queues that you have made%s may take %llu "
			      "together (RLIMIT_MSGQUEUE, ulimit -q)",
			      charge_of(order->attr), order->trial ? ", the old one still among them," : "",
			      (unsigned long long)making->limit);
	case -ENOSPC:
		return refuse(ENOSPC, "as many queues exist as limits/mq_queues_max allows: %lld",
			      limit_of("queues_max"));
	case -EINVAL:
		return refuse(EINVAL,
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
	struct rlimit entry;
	uint64_t limit;

	creds_raise();
	if (!procfs_limit(creds_caller_pid(), making->uid, "Max msgqueue size", &limit))
		limit = LIMIT_DEFAULT;
	creds_lower();
	making->limit = limit == UINT64_MAX ? RLIM_INFINITY : (rlim_t)limit;
	making->most = making->limit;
	if (getrlimit(RLIMIT_MSGQUEUE, &entry) == 0)
		making->most = MIN(making->limit, entry.rlim_max);
}

int posix_mq_make(const PosixMqOrder *order, int64_t *inode)
{
	char trial[32]; /* a name that nobody has thought of before */
	Making making = {
		.order = order,
		.name = order->name,
		.uid = geteuid(),
	};
	HelperReport made;

	if (order->trial) {
		snprintf(trial, sizeof trial, "ipcfs-%08x%08x", g_random_int(), g_random_int());
		making.name = trial;
	}
	find_limits(&making);
	made = delegate(&making);
	*inode = made.value;
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
