/*
 * posix/mq: POSIX message queues.
 *
 * A queue is a descriptor, so whoever waits does so with all the others of the daemon, in order, without a thread. Natively
 * the kernel hands a message to who sleeps in mq_receive(3) before anybody is told that one is there; so those come first.
 *
 * A queue cannot be peeked: it takes room for the longest message it may have to receive any. A reader with less gets his
 * message as one that is too long for him (queue_hand_over()).
 */
#include "backends/posix/mq.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>

#include "backends/core/parse.h"
#include "backends/common/queue.h"
#include "backends/core/refusal.h"

/* Handle.state: a PosixMq, held; and before there is one, the inode of that which is being replaced. */
enum { STATE_QUEUE = QUEUE_OWN, STATE_REPLACED };

static const PosixMq *queue_of_handle(const Handle *handle)
{
	return (const PosixMq *)(intptr_t)handle->state[STATE_QUEUE];
}

static int descriptor(const Handle *handle)
{
	return queue_of_handle(handle)->mqd;
}

/* -- One message ---------------------------------------------------------------------------------------------------- */

static int open_queue(Handle *handle, BlockMode block)
{
	PosixMq *queue;
	int result = posix_mq_take(&handle->object, handle->flags & O_ACCMODE, &queue, &handle->state[STATE_REPLACED]);

	if (result == 0)
		handle->state[STATE_QUEUE] = (int64_t)(intptr_t)queue;
	return result;
}

static void close_queue(Handle *handle)
{
	posix_mq_give_back((PosixMq *)(intptr_t)handle->state[STATE_QUEUE]);
}

static ssize_t receive(Handle *handle, char *buf, size_t room, Mark *mark, BlockMode block)
{
	unsigned priority;
	ssize_t n = mq_receive(descriptor(handle), buf, room, &priority);
	int error = errno;

	if (n >= 0) {
		mark->number = priority;
		return n;
	}
	if (error == EMSGSIZE)
		return -E2BIG;
	return error == EAGAIN && posix_mq_removed(descriptor(handle)) ? -ENODATA : -error;
}

static ssize_t largest(Handle *handle)
{
	struct mq_attr attr;

	return mq_getattr(descriptor(handle), &attr) < 0 ? -errno : attr.mq_msgsize;
}

/* Natively one may go on sending to a queue that nobody can open any more. */
static int send(Handle *handle, const Mark *mark, const char *bytes, size_t length, BlockMode block)
{
	if (posix_mq_removed(descriptor(handle)))
		return -EIDRM;
	if (mq_send(descriptor(handle), bytes, length, (unsigned)mark->number) == 0)
		return 0;
	if (errno == EMSGSIZE)
		return refuse(EMSGSIZE, "the message has %zu bytes and the queue's msgsize is %zd", length,
			      largest(handle));
	return -errno;
}

static int64_t queued(Handle *handle)
{
	struct mq_attr attr;

	return mq_getattr(descriptor(handle), &attr) < 0 ? -errno : attr.mq_curmsgs;
}

static void mark(const Handle *handle, Mark *out)
{
	out->number = handle->object.select == MQ_PRIORITY ? handle->object.part : 0;
}

static int poll_queue(Handle *handle)
{
	struct pollfd fd = {.fd = descriptor(handle), .events = POLLIN | POLLOUT};
	int events = 0;

	if (posix_mq_removed(descriptor(handle)))
		return POLLERR | POLLHUP | POLLIN | POLLRDNORM;
	if (poll(&fd, 1, 0) < 0)
		return 0;
	if (handle_reads(handle) && (fd.revents & POLLIN))
		events |= POLLIN | POLLRDNORM;
	if (handle_writes(handle) && (fd.revents & POLLOUT))
		events |= POLLOUT | POLLWRNORM;
	return events;
}

static void wait_for(Handle *handle, Direction direction, size_t size, Wait *out)
{
	(void)size; /* a message takes one place, however long it is */
	*out = (Wait){.how = WAIT_FD, .fd = -1, .events = direction == READING ? EPOLLIN : EPOLLOUT};
	if (direction == OPENING) {
		posix_mq_key(handle->state[STATE_REPLACED], OPENING, out->key);
		return;
	}
	if (direction != HANGUP)
		out->fd = descriptor(handle);
	posix_mq_key(queue_of_handle(handle)->inode, direction, out->key);
}

static const Queue mq_queue = {
	.open = open_queue,
	.receive = receive,
	.send = send,
	.largest = largest,
	.queued = queued,
	.mark = mark,
	.mark_min = 0,
	.mark_max = MQ_PRIO_MAX - 1,
	.poll = poll_queue,
	.wait = wait_for,
	.close = close_queue,
};

/* -- prio/ ---------------------------------------------------------------------------------------------------------- */

/* Nothing tells which priorities are queued, so none are listed. */
static int priority_lookup(const void *context, const Object *at, const char *name, Object *out)
{
	int64_t priority;

	if (!parse_number(name, 0, MQ_PRIO_MAX - 1, &priority) || (name[0] == '0' && name[1]))
		return -ENOENT;
	*out = *at;
	out->select = MQ_PRIORITY;
	out->part = priority;
	return 0;
}

static const DirOps priorities = {.lookup = priority_lookup};

/* -- The directory -------------------------------------------------------------------------------------------------- */

/* clang-format off */
static const FileDesc priority_files[] = {
	{.name = "data", .kind = STREAM, .mode = 0222, .stream = &queue_data, .mechanism = &mq_queue},
	{.name = "lines", .kind = STREAM, .mode = 0222, .stream = &queue_lines, .mechanism = &mq_queue},
	{0},
};

static const FileDesc priority = {.kind = DIRECTORY, .files = priority_files};

static const FileDesc queue_files[] = {
	{.name = "data", .kind = STREAM, .mode = 0666, .stream = &queue_data, .mechanism = &mq_queue},
	{.name = "next", .kind = STREAM, .mode = 0444, .stream = &queue_next, .mechanism = &mq_queue},
	{.name = "drain", .kind = STREAM, .mode = 0444, .stream = &queue_drain, .mechanism = &mq_queue},
	{.name = "lines", .kind = STREAM, .mode = 0666, .stream = &queue_lines, .mechanism = &mq_queue},
	{.name = "records", .kind = STREAM, .mode = 0666, .stream = &queue_records, .mechanism = &mq_queue},
	{.name = "prio", .kind = DIRECTORY, .members = &priorities, .member = &priority},
	{.name = "status", .kind = TEXT, .mode = 0444, .text = &posix_mq_status},
	{.name = "maxmsg", .kind = TEXT, .mode = 0644, .text = &posix_mq_size, .which = MQ_MAXMSG},
	{.name = "msgsize", .kind = TEXT, .mode = 0644, .text = &posix_mq_size, .which = MQ_MSGSIZE},
	{.name = "curmsgs", .kind = TEXT, .mode = 0444, .text = &posix_mq_attribute, .which = MQ_CURMSGS},
	{.name = "qsize", .kind = TEXT, .mode = 0444, .text = &posix_mq_attribute, .which = MQ_QSIZE},
	{.name = "notify", .kind = TEXT, .mode = 0444, .text = &posix_mq_attribute, .which = MQ_NOTIFY},
	{0},
};
/* clang-format on */

static const FileDesc queue = {.kind = DIRECTORY, .files = queue_files};

const FileDesc posix_mq_desc = {
	.name = "mq",
	.kind = DIRECTORY,
	.mode = 01777,
	.members = &posix_mq_members,
	.member = &queue,
};
