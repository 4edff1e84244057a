#include "backends/common/queue.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "backends/core/host.h"
#include "backends/core/refusal.h"

int queue_poll(Handle *handle)
{
	if (handle->rest.length)
		return POLLIN | POLLRDNORM | (queue_of(handle)->poll(handle) & ~POLLHUP);
	return queue_of(handle)->poll(handle);
}

void queue_wait(Handle *handle, Direction direction, size_t size, Wait *out)
{
	queue_of(handle)->wait(handle, direction, size, out);
}

int queue_open(Handle *handle, BlockMode block)
{
	return queue_of(handle)->open ? queue_of(handle)->open(handle, block) : 0;
}

void queue_cancel(Handle *handle)
{
	if (queue_of(handle)->cancel)
		queue_of(handle)->cancel(handle);
}

void queue_close(Handle *handle)
{
	if (queue_of(handle)->close)
		queue_of(handle)->close(handle);
}

ssize_t queue_largest(Handle *handle)
{
	ssize_t largest = queue_of(handle)->largest(handle);

	return largest == -ENODATA ? -EPIPE : largest;
}

static size_t no_tail(char *tail, const char *bytes, size_t length)
{
	return 0;
}

const Framing queue_as_bytes = {.tail = no_tail};

static size_t head_max(Handle *handle, const Framing *framing)
{
	return framing->head_max ? framing->head_max(queue_of(handle)) : 0;
}

static size_t print_head(Handle *handle, const Framing *framing, char *head, const Mark *mark, size_t length)
{
	return framing->head ? framing->head(handle, head, mark, length) : 0;
}

/* Takes a message that is longer than the reader's buffer: what does not fit now goes to handle->rest. */
static ssize_t hand_over_long(Handle *handle, const Framing *framing, char *buf, size_t size)
{
	ssize_t room = queue_of(handle)->largest(handle);
	g_autofree char *whole = NULL;
	char head[QUEUE_HEAD_MAX + 1], tail[2];
	Mark mark;
	ssize_t length;

	if (room < 0)
		return room;
	/* A message may be larger than any that could be sent now: the limit may have been lowered since. */
	do {
		g_free(whole);
		whole = g_malloc(room + 1);
		length = queue_of(handle)->receive(handle, whole, room, &mark, NONBLOCK);
		room *= 2;
	} while (length == -E2BIG && room < INT_MAX);
	if (length < 0)
		return length;
	buffer_append(&handle->rest, head, print_head(handle, framing, head, &mark, length));
	buffer_append(&handle->rest, whole, length);
	buffer_append(&handle->rest, tail, framing->tail(tail, whole, length));
	return buffer_take(&handle->rest, buf, size);
}

ssize_t queue_hand_over(Handle *handle, const Framing *framing, int64_t *count, char *buf, size_t size)
{
	const size_t head_room = head_max(handle, framing), frame = head_room + framing->tail_max;
	size_t total = 0;

	while (*count > 0) {
		char head[QUEUE_HEAD_MAX + 1];
		char *at = buf + total;
		size_t head_length;
		ssize_t n;
		Mark mark;

		/* A buffer too small for any message with its frame is like one too small for this message. */
		if (total + frame <= size)
			n = queue_of(handle)->receive(handle, at + head_room, size - total - frame, &mark, NONBLOCK);
		else
			n = -E2BIG;
		if (n == -E2BIG && total == 0) {
			n = hand_over_long(handle, framing, buf, size);
			if (n >= 0)
				--*count;
			return n == -ENODATA ? 0 : n;
		}
		if (n == -E2BIG || (n < 0 && total > 0))
			return total;
		if (n < 0)
			return n == -ENODATA ? 0 : n;
		--*count;
		head_length = print_head(handle, framing, head, &mark, n);
		if (head_length < head_room)
			memmove(at + head_length, at + head_room, n);
		memcpy(at, head, head_length);
		total += head_length + n;
		total += framing->tail(buf + total, at + head_length, n);
	}
	return total;
}

/* -- data -------------------------------------------------------------------------------------------------------- */

static ssize_t data_read(Handle *handle, char *buf, size_t size, BlockMode block)
{
	int64_t one = 1;

	if (handle->rest.length)
		return buffer_take(&handle->rest, buf, size);
	return queue_hand_over(handle, &queue_as_bytes, &one, buf, size);
}

static int refuse_large(Handle *handle)
{
	const size_t in_one = host_settings()->largest;
	ssize_t largest = queue_largest(handle);

	if (largest >= 0 && (size_t)largest <= in_one)
		return refuse(EMSGSIZE, "a message here has at most %zd bytes", largest);
	return refuse(EMSGSIZE, "a message written to data has at most %zu bytes; lines and records take larger ones",
		      in_one);
}

static ssize_t data_write(Handle *handle, const char *buf, size_t size, BlockMode block)
{
	const Queue *queue = queue_of(handle);
	Mark mark;
	int result;

	/* The kernel cuts a write that is larger; this one may be a piece of it (docs/semantics.md, "Large messages"). */
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

/* -- next: one message, then the end ------------------------------------------------------------------------------ */

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

/* -- drain: what is queued at the first read, then the end ---------------------------------------------------------- */

static ssize_t drain_read(Handle *handle, char *buf, size_t size, BlockMode block)
{
	ssize_t n;

	if (handle->rest.length)
		return buffer_take(&handle->rest, buf, size);
	if (!handle->state[QUEUE_STARTED]) {
		int64_t queued = queue_of(handle)->queued(handle);

		if (queued == -EAGAIN)
			return 0; /* nor will it wait for there to be a queue */
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

/* Only opening it may have to wait. */
const StreamOps queue_drain = {
	.open = queue_open,
	.read = drain_read,
	.wait = queue_wait,
	.close = queue_close,
	.cancel = queue_cancel,
};
