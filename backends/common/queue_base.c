/* Called by queue.c, queue_lines.c and queue_records.c, and through their StreamOps by fs/. */
#include "backends/common/queue_base.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

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

static size_t head_max(Handle *handle, const Framing *framing)
{
	return framing->head_max ? framing->head_max(queue_of(handle)) : 0;
}

static size_t print_head(Handle *handle, const Framing *framing, char *head, const Mark *mark, size_t length)
{
	return framing->head ? framing->head(handle, head, mark, length) : 0;
}

/* Receives a message that is longer than the reader's buffer. The bytes that do not fit go to handle->rest. */
static ssize_t hand_over_long(Handle *handle, const Framing *framing, char *buf, size_t size)
{
	ssize_t room = queue_of(handle)->largest(handle);
	g_autofree char *whole = NULL;
	char head[QUEUE_HEAD_MAX + 1], tail[2];
	Mark mark;
	ssize_t length;

	if (room < 0)
		return room;
	/* A queued message can be longer than `largest`: the limit may have been lowered since it was sent. */
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
		char *start = buf + total;
		size_t head_length;
		ssize_t n;
		Mark mark;

		/* A buffer without room for a frame has no room for this message either. */
		if (total + frame <= size)
			n = queue_of(handle)->receive(handle, start + head_room, size - total - frame, &mark, NONBLOCK);
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
			memmove(start + head_length, start + head_room, n);
		memcpy(start, head, head_length);
		total += head_length + n;
		total += framing->tail(buf + total, start + head_length, n);
	}
	return total;
}
