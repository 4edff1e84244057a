/*
 * posix/mq: the files of a POSIX message queue.
 *
 * Waiting: a queue is a descriptor, so requests wait for it in the daemon's epoll set, in order and without a thread. The kernel hands
 * a message to a process that sleeps in mq_receive(3) before it reports the queue readable. Such processes therefore
 * receive first.
 *
 * A queue cannot be peeked, and mq_receive(3) fails if the buffer is smaller than msgsize, however short the message is. A reader with
 * a smaller buffer gets its message in the way of a message that is too long for it (queue_hand_over()).
 *
 * Called by fs/ and by the functions of common/queue.h. No function holds a lock or sleeps.
 */
#include "backends/posix/mq.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>

#include "backends/common/queue.h"
#include "backends/core/parse.h"
#include "backends/core/refusal.h"
#include "backends/posix/mq_attributes.h"
#include "backends/posix/mq_members.h"
#include "backends/posix/mq_open.h"

/* Object.select: the whole queue; or a priority of prio/, and then Object.part is the priority of the messages written. */
enum { MQ_WHOLE, MQ_PRIORITY };

/* Handle.state: a PosixMq with a reference; and before the open succeeds, the inode of the queue that is being replaced. */
enum { STATE_QUEUE = QUEUE_OWN, STATE_REPLACED };

static const PosixMq *queue_of_handle(const Handle *handle)
{
	return (const PosixMq *)(intptr_t)handle->state[STATE_QUEUE];
}

static int descriptor_of(const Handle *handle)
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
	posix_mq_release((PosixMq *)(intptr_t)handle->state[STATE_QUEUE]);
}

static ssize_t receive_message(Handle *handle, char *buf, size_t room, Mark *mark, BlockMode block)
{
	unsigned priority;
	ssize_t n = mq_receive(descriptor_of(handle), buf, room, &priority);
	int error = errno;

	if (n >= 0) {
		mark->number = priority;
		return n;
	}
	if (error == EMSGSIZE)
		return -E2BIG;
	return error == EAGAIN && posix_mq_removed(descriptor_of(handle)) ? -ENODATA : -error;
}

static ssize_t largest_message(Handle *handle)
{
	struct mq_attr attr;

	return mq_getattr(descriptor_of(handle), &attr) < 0 ? -errno : attr.mq_msgsize;
}

/* mq_send(3) to a queue without a name succeeds, but no process can open that queue any more. */
static int send_message(Handle *handle, const Mark *mark, const char *bytes, size_t length, BlockMode block)
{
	if (posix_mq_removed(descriptor_of(handle)))
		return -EIDRM;
	if (mq_send(descriptor_of(handle), bytes, length, (unsigned)mark->number) == 0)
		return 0;
	if (errno == EMSGSIZE)
		return refuse(EMSGSIZE, "message of %zu bytes is longer than the queue's msgsize %zd", length,
			      largest_message(handle));
	return -errno;
}

static int64_t count_queued(Handle *handle)
{
	struct mq_attr attr;

	return mq_getattr(descriptor_of(handle), &attr) < 0 ? -errno : attr.mq_curmsgs;
}

static void default_mark(const Handle *handle, Mark *out)
{
	out->number = handle->object.select == MQ_PRIORITY ? handle->object.part : 0;
}

static int poll_queue(Handle *handle)
{
	struct pollfd fd = {.fd = descriptor_of(handle), .events = POLLIN | POLLOUT};
	int events = 0;

	if (posix_mq_removed(descriptor_of(handle)))
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
	(void)size; /* every message takes one place */
	*out = (Wait){.how = WAIT_FD, .fd = -1, .events = direction == READING ? EPOLLIN : EPOLLOUT};
	if (direction == OPENING) {
		posix_mq_key(handle->state[STATE_REPLACED], OPENING, out->key);
		return;
	}
	if (direction != HANGUP)
		out->fd = descriptor_of(handle);
	posix_mq_key(queue_of_handle(handle)->inode, direction, out->key);
}

static const Queue mq_queue = {
	.open = open_queue,
	.receive = receive_message,
	.send = send_message,
	.largest = largest_message,
	.queued = count_queued,
	.mark = default_mark,
	.mark_name = "PRIORITY",
	.mark_min = 0,
	.mark_max = MQ_PRIO_MAX - 1,
	.poll = poll_queue,
	.wait = wait_for,
	.close = close_queue,
};

/* -- prio/ ---------------------------------------------------------------------------------------------------------- */

/* The kernel does not tell which priorities are queued, so the directory lists none. */
static int priority_lookup(const void *context, const Object *directory, const char *name, Object *out)
{
	int64_t priority;

	if (!parse_number(name, 0, MQ_PRIO_MAX - 1, &priority) || (name[0] == '0' && name[1]))
		return -ENOENT;
	*out = *directory;
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
	STATUS(&posix_mq_attributes),
	SLOW_ATTRIBUTE("maxmsg", 0644, &posix_mq_attributes),
	SLOW_ATTRIBUTE("msgsize", 0644, &posix_mq_attributes),
	ATTRIBUTE("curmsgs", 0444, &posix_mq_attributes),
	ATTRIBUTE("qsize", 0444, &posix_mq_attributes),
	ATTRIBUTE("notify", 0444, &posix_mq_attributes),
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
