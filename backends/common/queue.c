/*
 * The files data, next and drain of a queue. fs/ calls their StreamOps; see there for the rules. No function holds a lock.
 */
#include "backends/common/queue.h"

#include <errno.h>
#include <poll.h>

#include "backends/core/host.h"
#include "backends/core/refusal.h"

static size_t no_tail(char *tail, const char *bytes, size_t length)
{
	return 0;
}

static const Framing as_bytes = {.tail = no_tail};

/* -- data -------------------------------------------------------------------------------------------------------- */

static ssize_t data_read(Handle *handle, char *buf, size_t size, BlockMode block)
{
	int64_t count = 1;

	if (handle->rest.length)
		return buffer_take(&handle->rest, buf, size);
	return queue_hand_over(handle, &as_bytes, &count, buf, size);
}

static int refuse_large(Handle *handle)
{
	const size_t in_one = host_settings()->largest;
	ssize_t largest = queue_largest(handle);

	if (largest >= 0 && (size_t)largest <= in_one)
		return refuse(EMSGSIZE, "a message here has at most %zd bytes", largest);
	return refuse(EMSGSIZE,
		      "message is too long for data: at most %zu bytes; write longer messages to lines or records",
		      in_one);
}

static ssize_t data_write(Handle *handle, const char *buf, size_t size, BlockMode block)
{
	const Queue *queue = queue_of(handle);
	Mark mark;
	int result;

	/* FUSE splits a larger write, so this may be a part of a message (docs/semantics.md, "Large messages"). */
	if (size > host_settings()->largest)
		return refuse_large(handle);
	queue->mark(handle, &mark);
	result = queue->send(handle, &mark, buf, size, block);
	return result < 0 ? result : (ssize_t)size;
}

const StreamOps queue_data = {
	.open = queue_open,
	.read = data_read,
	.write = data_write,
	.poll = queue_poll,
	.wait = queue_wait,
	.close = queue_close,
	.cancel = queue_cancel,
	.whole_writes = true,
};

/* -- next: one message, then end of file ------------------------------------------------------------------------------ */

static ssize_t next_read(Handle *handle, char *buf, size_t size, BlockMode block)
{
	ssize_t n;

	if (handle->state[QUEUE_STARTED] && !handle->rest.length)
		return 0;
	n = data_read(handle, buf, size, block);
	if (n >= 0)
		handle->state[QUEUE_STARTED] = 1;
	return n;
}

static int next_poll(Handle *handle)
{
	return handle->state[QUEUE_STARTED] ? POLLIN | POLLRDNORM : queue_poll(handle);
}

const StreamOps queue_next = {
	.open = queue_open,
	.read = next_read,
	.poll = next_poll,
	.wait = queue_wait,
	.close = queue_close,
	.cancel = queue_cancel,
};

/* -- drain: the messages queued at the first read, then end of file ---------------------------------------------------------- */

static ssize_t drain_read(Handle *handle, char *buf, size_t size, BlockMode block)
{
	ssize_t n;

	if (handle->rest.length)
		return buffer_take(&handle->rest, buf, size);
	if (!handle->state[QUEUE_STARTED]) {
		int64_t queued = queue_of(handle)->queued(handle);

		if (queued == -EAGAIN)
			return 0; /* drain does not wait for the queue to exist either */
		if (queued < 0)
			return queued == -ENODATA ? 0 : queued;
		handle->state[QUEUE_STARTED] = 1;
		handle->state[QUEUE_LEFT] = queued;
	}
	n = queue_hand_over(handle, &queue_as_line, &handle->state[QUEUE_LEFT], buf, size);
	if (n != -EAGAIN)
		return n;
	handle->state[QUEUE_LEFT] = 0;
	return 0;
}

/* Only the open can wait, so there is no poll(). */
const StreamOps queue_drain = {
	.open = queue_open,
	.read = drain_read,
	.wait = queue_wait,
	.close = queue_close,
	.cancel = queue_cancel,
};
