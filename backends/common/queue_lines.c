/*
 * lines: a message is a line.
 *
 * A write can end anywhere in a line. The bytes after the last newline stay in handle->unsent until a write brings the rest, or until
 * the last close of the open file sends them. Closing one of several duplicates does not: two commands that write one
 * line together share the open file.
 *
 * fs/ calls the StreamOps, one after the other for each open file. No function holds a lock.
 */
#include "backends/common/queue_lines.h"

#include <errno.h>
#include <string.h>

#include "backends/core/refusal.h"

static size_t line_tail(char *tail, const char *bytes, size_t length)
{
	if (length > 0 && bytes[length - 1] == '\n')
		return 0;
	*tail = '\n';
	return 1;
}

const Framing queue_as_line = {.tail_max = 1, .tail = line_tail};

static ssize_t lines_read(Handle *handle, char *buf, size_t size, BlockMode block)
{
	int64_t count = INT64_MAX;

	if (handle->rest.length)
		return buffer_take(&handle->rest, buf, size);
	return queue_hand_over(handle, &queue_as_line, &count, buf, size);
}

/* Sends handle->unsent and `piece` as one message. handle->unsent changes only if the message was sent. */
static int send_line(Handle *handle, const char *piece, size_t length, BlockMode block)
{
	const Queue *queue = queue_of(handle);
	Mark mark;
	int result;

	queue->mark(handle, &mark);
	if (!handle->unsent.length)
		return queue->send(handle, &mark, piece, length, block);
	buffer_append(&handle->unsent, piece, length);
	result = queue->send(handle, &mark, buffer_bytes(&handle->unsent), handle->unsent.length, block);
	if (result < 0)
		handle->unsent.length -= length;
	else
		buffer_take(&handle->unsent, NULL, handle->unsent.length);
	return result;
}

/* Refuses a line that is too long. `part`: its end has not been written yet, and must not be taken for another line. */
static int refuse_line(Handle *handle, ssize_t largest, bool part)
{
	if (part) {
		buffer_clear(&handle->unsent);
		handle->state[QUEUE_BROKEN] = EMSGSIZE;
	}
	return refuse(EMSGSIZE, "line is too long: a line is a message, and a message has at most %zd bytes here",
		      largest);
}

/* Keeps the start of a line. */
static int keep_start(Handle *handle, const char *bytes, size_t length)
{
	ssize_t largest = queue_largest(handle);

	if (largest < 0)
		return (int)largest;
	if (handle->unsent.length + length > (size_t)largest)
		return refuse_line(handle, largest, true);
	buffer_append(&handle->unsent, bytes, length);
	return 0;
}

static ssize_t lines_write(Handle *handle, const char *buf, size_t size, BlockMode block)
{
	size_t total = 0;
	int result = 0;

	if (handle->state[QUEUE_BROKEN])
		return refusal_repeat((int)handle->state[QUEUE_BROKEN]);
	while (result == 0 && total < size) {
		const char *line = buf + total;
		const char *end = memchr(line, '\n', size - total);

		if (!end) {
			result = keep_start(handle, line, size - total);
			if (result == 0)
				total = size;
			break;
		}
		result = send_line(handle, line, end - line, block);
		if (result == -EMSGSIZE)
			result = refuse_line(handle, queue_largest(handle), handle->unsent.length > 0);
		if (result == 0)
			total += end - line + 1;
	}
	return total > 0 ? (ssize_t)total : result;
}

static int lines_finish(Handle *handle, BlockMode block)
{
	return handle->unsent.length ? send_line(handle, NULL, 0, block) : 0;
}

const StreamOps queue_lines = {
	.open = queue_open,
	.read = lines_read,
	.write = lines_write,
	.poll = queue_poll,
	.wait = queue_wait,
	.finish = lines_finish,
	.close = queue_close,
	.cancel = queue_cancel,
};
