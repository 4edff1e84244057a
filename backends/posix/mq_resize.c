/*
 * Another maxmsg or msgsize for a queue. The kernel fixes both when a queue is created. The daemon therefore replaces an empty
 * queue that no process has open by another queue of the same name, owner and mode, created as the caller (mq_create.c).
 *
 * No message gets lost:
 * - The kernel tells whether any process, in any namespace, has the queue open: it then refuses a write lease
 *   (posix_mq_check_unused()).
 * - A process can open the old queue in the microseconds between that check and the removal of the old queue. The new queue
 *   then has the old size, and the daemon forwards the messages that arrive in the old queue until no process has it open any
 *   more. The resize is then tried again.
 * - Streams in the tree do not open the old queue meanwhile (mq_table.c).
 *
 * The daemon's own short-lived opens, such as those for stat(2), count as open files too. A resize that meets one is tried again.
 *
 * Runs on worker threads. Its own lock guards the names of forwardings; it is never held across a system call.
 */
#include "backends/posix/mq_resize.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/core/credentials.h"
#include "backends/core/host.h"
#include "backends/core/poller.h"
#include "backends/core/refusal.h"
#include "backends/posix/mq_create.h"
#include "backends/posix/mq_fs.h"
#include "backends/posix/mq_table.h"

enum { TRIES = 10, PAUSE_US = 1000 };

/* -- Forwarding ----------------------------------------------------------------------------------------------------- */

/* A replaced queue that another process may still have open. */
typedef struct Forwarding {
	int old;       /* owned */
	Object target; /* the queue that has replaced it */
	char *bytes;   /* room for one message */
	size_t size;
	ssize_t length; /* of the message in `bytes` that has been received and not sent; -1: none */
	unsigned priority;
} Forwarding;

static GMutex lock;         /* guards `targets` */
static GHashTable *targets; /* names of the queues to which messages are forwarded -> how many forwardings */

/* Adds to the number of forwardings to a queue; `change` 0 only asks. Returns the number. */
static int count_forwardings(const char *name, int change)
{
	int count;

	g_mutex_lock(&lock);
	if (!targets)
		targets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	count = GPOINTER_TO_INT(g_hash_table_lookup(targets, name)) + change;
	if (count > 0)
		g_hash_table_replace(targets, g_strdup(name), GINT_TO_POINTER(count));
	else
		g_hash_table_remove(targets, name);
	g_mutex_unlock(&lock);
	return count;
}

static Forwarding *forwarding_new(int old, size_t msgsize, const Object *target)
{
	Forwarding *forwarding = g_new(Forwarding, 1);

	count_forwardings(target->name, 1);

	*forwarding = (Forwarding){
		.old = old,
		.target = *target,
		.bytes = g_malloc(msgsize),
		.size = msgsize,
		.length = -1,
	};
	return forwarding;
}

/*
 * Sends the received message to the new queue. -ENOENT: it has been removed. Another errno: not possible yet, for example because there is no room, or because the new
 * queue is being replaced in turn. An open by name counts as an open file and delays that.
 */
static int send_received(const Forwarding *forwarding)
{
	int mqd = posix_mq_open_named(&forwarding->target, O_WRONLY), result;
	struct stat stat;

	if (mqd < 0)
		return mqd == -ENOENT && posix_mq_stat(&forwarding->target, &stat) == -ENOENT ? -ENOENT : -EAGAIN;
	result = mq_send(mqd, forwarding->bytes, (size_t)forwarding->length, forwarding->priority) < 0 ? -errno : 0;
	close(mqd);
	return result;
}

/*
 * Forwards the messages in the old queue. True: all are forwarded, and no process has the old queue open any more. A message for
 * a queue that has been removed meanwhile is dropped: removal drops all messages of the queue. Called as the daemon.
 */
static bool forward_messages(Forwarding *forwarding)
{
	for (;;) {
		int result;

		if (forwarding->length < 0)
			forwarding->length =
				mq_receive(forwarding->old, forwarding->bytes, forwarding->size, &forwarding->priority);
		if (forwarding->length < 0)
			return posix_mq_check_unused(forwarding->old) != -EAGAIN;
		result = send_received(forwarding);
		if (result < 0 && result != -ENOENT)
			return false;
		forwarding->length = -1;
	}
}

/* For poller_add(). */
static bool forwarding_step(void *data)
{
	Forwarding *forwarding = data;

	if (!forward_messages(forwarding))
		return false;
	count_forwardings(forwarding->target.name, -1);
	close(forwarding->old);
	g_free(forwarding->bytes);
	g_free(forwarding);
	return true;
}

/* -- Resizing ------------------------------------------------------------------------------------------------------- */

/* The queue that is resized. */
typedef struct Resize {
	int old; /* a descriptor, -1: none */
	struct stat stat;
	struct mq_attr old_attr, new_attr;
	Forwarding *forwarding; /* owns `old`; NULL: the old queue has not been replaced */
} Resize;

/* Opens the queue. Called as the daemon: the rights of the caller count when it is removed. */
static int resize_open(Resize *resize, const Object *object, long maxmsg, long msgsize)
{
	*resize = (Resize){.old = posix_mq_open(object, O_RDWR)};
	if (resize->old < 0)
		return resize->old == -EACCES ? refuse(EACCES, "resizing takes the right to read and write the queue") :
						resize->old;
	if (fstat(resize->old, &resize->stat) < 0 || mq_getattr(resize->old, &resize->old_attr) < 0)
		return -errno;
	resize->new_attr = resize->old_attr;
	if (maxmsg)
		resize->new_attr.mq_maxmsg = maxmsg;
	if (msgsize)
		resize->new_attr.mq_msgsize = msgsize;
	return 0;
}

static bool same_size(const struct mq_attr *a, const struct mq_attr *b)
{
	return a->mq_maxmsg == b->mq_maxmsg && a->mq_msgsize == b->mq_msgsize;
}

/* Whether the queue can be replaced now. -EAGAIN: it is in use. Called as the daemon. */
static int check_replaceable(const Resize *resize)
{
	int result;

	if (resize->old_attr.mq_curmsgs > 0)
		return refuse(EBUSY, "%ld messages are queued, and resizing recreates the queue: read them first",
			      resize->old_attr.mq_curmsgs);
	result = posix_mq_check_unused(resize->old);
	if (result == -EINVAL)
		return refuse(EOPNOTSUPP,
			      "this kernel does not tell whether a queue is in use (it has no leases on queues): set "
			      "msg_default and msgsize_default in /proc/sys/fs/mqueue, then create the queue again");
	if (result == -EACCES)
		return refuse(EPERM,
			      "the daemon may not take a lease on the queue of another user: it needs CAP_LEASE");
	return result;
}

/* Gives the new queue the owner and group of the old one. -EAGAIN: it has the old size. Called as the daemon. */
static int adopt_new(const Resize *resize, const Object *new_queue)
{
	int mqd = posix_mq_open(new_queue, O_RDWR), result = 0;
	struct mq_attr attr;
	struct stat stat;

	if (mqd < 0)
		return mqd == -ENOENT ? 0 : mqd; /* a process has removed it already */
	if (fstat(mqd, &stat) < 0 || mq_getattr(mqd, &attr) < 0)
		result = -errno;
	else if ((stat.st_uid != resize->stat.st_uid || stat.st_gid != resize->stat.st_gid) &&
		 fchown(mqd, resize->stat.st_uid, resize->stat.st_gid) < 0)
		result = refuse(errno, "the queue was recreated, but its group could not be kept");
	else if (!same_size(&attr, &resize->new_attr))
		result = -EAGAIN;
	close(mqd);
	return result;
}

/* Replaces the old queue, between posix_mq_replace_begin() and _end(). Called as the caller. */
static int replace_queue(Resize *resize, const char *name)
{
	const PosixMqReplacement replacement = {
		.name = name,
		.mode = resize->stat.st_mode & 0666,
		.attr = &resize->new_attr,
		.old = resize->old,
		.old_attr = &resize->old_attr,
	};
	Object new_queue = {0};
	int result;

	/* A message in an earlier queue of this name has to fit, too. */
	if (count_forwardings(name, 0))
		return -EAGAIN;
	creds_raise();
	result = check_replaceable(resize);
	creds_lower();
	if (result == 0)
		result = posix_mq_replace(&replacement, &new_queue.id);
	if (new_queue.id == 0)
		return result;
	g_strlcpy(new_queue.name, name, sizeof new_queue.name);
	posix_mq_renumber((int64_t)resize->stat.st_ino, new_queue.id);
	creds_raise();
	result = adopt_new(resize, &new_queue);
	resize->forwarding = forwarding_new(resize->old, (size_t)resize->old_attr.mq_msgsize, &new_queue);
	forward_messages(resize->forwarding);
	creds_lower();
	return result;
}

/* -EAGAIN: the queue is in use. */
static int try_resize(const Object *object, long maxmsg, long msgsize)
{
	PosixMqReplaced replaced;
	Resize resize;
	int result;

	creds_raise();
	result = resize_open(&resize, object, maxmsg, msgsize);
	creds_lower();
	if (result == 0 && !same_size(&resize.old_attr, &resize.new_attr)) {
		replaced = (PosixMqReplaced){
			.name = object->name, .inode = (int64_t)resize.stat.st_ino, .mqd = resize.old};
		result = posix_mq_replace_begin(&replaced);
		if (result == -EBUSY)
			result = refuse(EBUSY, "a file of the queue is open in the tree, and resizing recreates the "
					       "queue: close the file first");
		else if (result == 0) {
			result = replace_queue(&resize, object->name);
			posix_mq_replace_end(&replaced);
		}
	}
	/* Streams that waited for the new queue may send from now on, behind what has been forwarded. */
	creds_raise();
	if (resize.forwarding && !forwarding_step(resize.forwarding))
		poller_add(forwarding_step, resize.forwarding);
	creds_lower();
	if (!resize.forwarding && resize.old >= 0)
		close(resize.old);
	return result;
}

int posix_mq_resize(const Object *object, long maxmsg, long msgsize)
{
	for (int tries = 0; tries < TRIES; tries++) {
		int result = try_resize(object, maxmsg, msgsize);

		if (result != -EAGAIN)
			return result;
		if (host_interrupted())
			return -EINTR;
		g_usleep(PAUSE_US);
	}
	return refuse(EBUSY, "a process has the queue open, and resizing recreates the queue: close it there first");
}
