/*
 * Creating a queue.
 *
 * The kernel charges the memory that a queue may take to the *real* uid of its creator as long as the queue exists, and compares the
 * charge with RLIMIT_MSGQUEUE of that process (mq_open(3)). No thread of the daemon has the caller's real uid, so a helper
 * process with the caller's ids and limit creates the queue (helper.h). The caller can stop or kill the helper; the
 * daemon then looks up what the helper has done.
 *
 * Replacement: the helper first creates a queue of the new size under another name, so that a refusal changes nothing. It then checks
 * that no process has the old queue open, removes the old queue, and creates the new one. A process may open the old queue
 * between the check and the removal. The helper therefore checks again after the removal. From then on the old queue has no name,
 * and only an open(2) through a mount of the mqueue file system that has looked up the name already can still open it.
 *
 * The functions of the helper process use nothing but system calls.
 */
#include "backends/posix/mq_create.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/core/credentials.h"
#include "backends/core/helper.h"
#include "backends/core/procfs.h"
#include "backends/core/refusal.h"
#include "backends/posix/mq_fs.h"

enum {
	HELPER_MAX_MS = 5000,  /* on a machine with other work to do */
	LIMIT_DEFAULT = 819200 /* the kernel's MQ_BYTES_MAX: for a caller whose limit is not known */
};

/* A queue that the helper process creates. */
typedef struct Order {
	const char *name;
	mode_t mode;
	const struct mq_attr *attr; /* NULL: the kernel's defaults */
	const PosixMqReplacement *replacement;
	PosixMqName trial; /* the other name */
	uid_t uid;
	rlim_t limit;    /* the caller's */
	rlim_t possible; /* the most that a daemon without the right to raise limits can set */
} Order;

/* -- The helper process --------------------------------------------------------------------------------------------- */

static void set_limit(const void *data)
{
	const Order *order = data;
	const struct rlimit wanted = {order->limit, order->limit}, possible = {order->possible, order->possible};

	if (setrlimit(RLIMIT_MSGQUEUE, &wanted))
		setrlimit(RLIMIT_MSGQUEUE, &possible);
}

/* Creates the queue under a name that does not exist. A descriptor or a negative errno. */
static int create_queue(const char *name, mode_t mode, const struct mq_attr *attr)
{
	int mqd = (int)syscall(SYS_mq_open, name, O_CREAT | O_EXCL | O_RDWR, mode, attr);

	return mqd < 0 ? -errno : mqd;
}

/* Whether the caller may have the new queue beside the old one. */
static int try_new_size(const Order *order)
{
	int mqd = create_queue(order->trial, 0600, order->attr);

	if (mqd < 0)
		return mqd;
	syscall(SYS_mq_unlink, order->trial);
	close(mqd);
	return 0;
}

/* Removes the old queue. Returns the attributes of the new one in *attr. */
static int remove_old(const PosixMqReplacement *replacement, const struct mq_attr **attr)
{
	int result = posix_mq_check_unused(replacement->old);

	if (result < 0)
		return result;
	if (posix_mq_removed(replacement->old))
		return -EAGAIN;
	if (syscall(SYS_mq_unlink, replacement->name))
		return errno == ENOENT ? -EAGAIN : -errno;
	if (posix_mq_check_unused(replacement->old) < 0)
		*attr = replacement->old_attr;
	return 0;
}

/* The report's value is the inode of the new queue. */
static HelperReport create_ordered(const void *data)
{
	const Order *order = data;
	const struct mq_attr *attr = order->attr;
	HelperReport report = {0};
	struct stat stat;
	int mqd;

	if (order->replacement) {
		report.result = try_new_size(order);
		if (report.result == 0)
			report.result = remove_old(order->replacement, &attr);
		if (report.result < 0)
			return report;
	}
	mqd = create_queue(order->name, order->mode, attr);
	if (mqd < 0)
		report.result = mqd;
	else if (fstat(mqd, &stat) == 0)
		report.value = (int64_t)stat.st_ino;
	return report;
}

/* -- The daemon ----------------------------------------------------------------------------------------------------- */

/* Finds out what a helper has done that was killed. Called as the daemon. */
static HelperReport inspect_killed_helper(const Order *order)
{
	const PosixMqReplacement *replacement = order->replacement;
	struct stat stat, old = {0};
	Object object;

	if (replacement) {
		syscall(SYS_mq_unlink, order->trial);
		/* The helper may have left its lease, which belongs to the open file that both share. */
		fcntl(replacement->old, F_SETLEASE, F_UNLCK);
	}
	if (posix_mq_find(order->name, &object) == 0 && posix_mq_stat(&object, &stat) == 0 &&
	    stat.st_uid == order->uid &&
	    (!replacement || (fstat(replacement->old, &old) == 0 && old.st_ino != stat.st_ino)))
		return (HelperReport){.value = object.id};
	return (HelperReport){
		.result =
			refuse(EINTR, "the helper process that creates the queue as the caller was stopped or killed")};
}

static HelperReport run_helper(const Order *order)
{
	const HelperProcess helper = {
		.prepare = set_limit,
		.act = create_ordered,
		.data = order,
		.descriptors = {order->replacement ? order->replacement->old : -1, -1},
		.timeout_ms = HELPER_MAX_MS,
	};
	HelperReport report = {0};
	int result = helper_run(&helper, &report);

	if (result == -EINTR) {
		creds_raise();
		report = inspect_killed_helper(order);
		creds_lower();
	} else if (result < 0) {
		report.result = result;
	}
	return report;
}

/* -- Refusals ------------------------------------------------------------------------------------------------------- */

static long long limit_of(const char *name)
{
	g_autofree char *path = g_strconcat("/proc/sys/fs/mqueue/", name, NULL);
	g_autofree char *text = NULL;

	return g_file_get_contents(path, &text, NULL, NULL) ? g_ascii_strtoll(text, NULL, 10) : 0;
}

/* The bytes that the kernel charges for a queue (mq_open(3), getrlimit(2)). */
static long long charge_of(const struct mq_attr *attr)
{
	enum { MESSAGE = 48, NODE = 48 }; /* struct msg_msg and struct posix_msg_tree_node of a 64-bit kernel */
	long long maxmsg = attr ? attr->mq_maxmsg : MIN(limit_of("msg_max"), limit_of("msg_default"));
	long long msgsize = attr ? attr->mq_msgsize : MIN(limit_of("msgsize_max"), limit_of("msgsize_default"));

	return maxmsg * (MESSAGE + msgsize) + MIN(maxmsg, MQ_PRIO_MAX) * NODE;
}

/* Notes the reason for a failure of create_queue(). */
static int explain_failure(int result, const Order *order)
{
	switch (result) {
	case -EMFILE:
		return refuse(EMFILE,
			      "limit reached: the queue takes %lld bytes, and all queues of the user%s may take %llu "
			      "together (RLIMIT_MSGQUEUE, ulimit -q)",
			      charge_of(order->attr), order->replacement ? ", the old one included," : "",
			      (unsigned long long)order->limit);
	case -ENOSPC:
		return refuse(ENOSPC, "limit reached: %lld queues (limits/mq_queues_max)", limit_of("queues_max"));
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

static void find_limits(Order *order)
{
	struct rlimit own;
	uint64_t limit;

	creds_raise();
	if (!procfs_limit(creds_caller_pid(), order->uid, "Max msgqueue size", &limit))
		limit = LIMIT_DEFAULT;
	creds_lower();
	order->limit = limit == UINT64_MAX ? RLIM_INFINITY : (rlim_t)limit;
	order->possible = order->limit;
	if (getrlimit(RLIMIT_MSGQUEUE, &own) == 0)
		order->possible = MIN(order->limit, own.rlim_max);
}

/* Creates the queue. *inode: that of the queue, 0 if none was created. 0 or a negative errno, the reason noted. */
static int carry_out(Order *order, int64_t *inode)
{
	HelperReport report;

	order->uid = geteuid();
	find_limits(order);
	report = run_helper(order);
	*inode = report.value;
	return explain_failure(report.result, order);
}

int posix_mq_create(const char *name, mode_t mode, Object *out)
{
	Order order = {.name = name, .mode = mode};
	int64_t inode;
	int result = posix_mq_find(name, out);

	if (result != -ENOENT)
		return result == 0 || result == -EACCES ? -EEXIST : result;
	result = carry_out(&order, &inode);
	if (result < 0)
		return result;
	*out = (Object){.id = inode};
	g_strlcpy(out->name, name, sizeof out->name);
	return 0;
}

int posix_mq_replace(const PosixMqReplacement *replacement, int64_t *inode)
{
	Order order = {
		.name = replacement->name,
		.mode = replacement->mode,
		.attr = replacement->attr,
		.replacement = replacement,
	};
	int result;

	posix_mq_random_name(order.trial);
	result = carry_out(&order, inode);
	if (result == -EPERM || result == -EACCES)
		return refuse(EPERM, "resizing recreates the queue: only its owner or root can do it");
	if (result == -EEXIST)
		return refuse(EEXIST,
			      "the queue was removed, but another program took its name: create it under another one");
	if (result < 0 && result != -EAGAIN && posix_mq_removed(replacement->old))
		return refuse(-result, "the queue was removed, but could not be created again: %s",
			      g_strerror(-result));
	return result;
}
