/*
 * records: a message is "MARK LENGTH\n", LENGTH bytes and "\n". The mark can contain blanks, the length cannot.
 *
 * A write can end anywhere in a record. handle->unsent keeps an unfinished record without its last newline. The newline sends the
 * record, and the write accepts it only if that succeeds, so that a full queue can refuse it. A record that is
 * unfinished at the last close is dropped.
 *
 * fs/ calls the StreamOps, one after the other for each open file. No function holds a lock.
 */
#include "backends/common/queue_records.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backends/core/parse.h"
#include "backends/core/refusal.h"

enum { NUMBER_MAX = 20 };

static size_t record_head_max(const Queue *queue)
{
	return (queue->mark_text ? queue->mark_text : NUMBER_MAX) + NUMBER_MAX + 2;
}

static size_t record_head(Handle *handle, char *head, const Mark *mark, size_t length)
{
	const Queue *queue = queue_of(handle);
	size_t n = queue->print_mark ? queue->print_mark(handle, head, mark) :
				       (size_t)sprintf(head, "%lld", (long long)mark->number);

	return n + (size_t)sprintf(head + n, " %zu\n", length);
}

static size_t record_tail(char *tail, const char *bytes, size_t length)
{
	*tail = '\n';
	return 1;
}

static const Framing as_record = {
	.head_max = record_head_max,
	.tail_max = 1,
	.head = record_head,
	.tail = record_tail,
};

void queue_print_record(GString *out, int64_t mark, const char *bytes, size_t length)
{
	g_string_append_printf(out, "%lld %zu\n", (long long)mark, length);
	g_string_append_len(out, bytes, (gssize)length);
	g_string_append_c(out, '\n');
}

static ssize_t records_read(Handle *handle, char *buf, size_t size, BlockMode block)
{
	int64_t count = INT64_MAX;

	if (handle->rest.length)
		return buffer_take(&handle->rest, buf, size);
	return queue_hand_over(handle, &as_record, &count, buf, size);
}

typedef struct Record {
	Mark mark;
	size_t head, length; /* bytes of the head with its newline, and of the message */
} Record;

static int mark_parse(Handle *handle, const char *text, size_t length, Mark *out)
{
	const Queue *queue = queue_of(handle);

	if (queue->parse_mark)
		return queue->parse_mark(handle, text, length, out);
	return parse_digits(text, (int)length, queue->mark_min, queue->mark_max, &out->number) ? 0 : -EINVAL;
}

static int refuse_head(const Queue *queue)
{
	if (queue->parse_mark)
		return refuse(EINVAL, "a record is ADDRESS LENGTH, a newline, LENGTH bytes and a newline");
	return refuse(EINVAL, "a record is %s LENGTH, a newline, LENGTH bytes and a newline; %s from %lld to %lld",
		      queue->mark_name, queue->mark_name, (long long)queue->mark_min, (long long)queue->mark_max);
}

/*
 * Parses the head of a record, of which `size` bytes have been written. 1: done; 0: the head is not complete; or a negative errno. The
 * members of *out that were not parsed are 0.
 */
static int record_parse(Handle *handle, const char *bytes, size_t size, Record *out)
{
	const Queue *queue = queue_of(handle);
	const size_t head_max = record_head_max(queue);
	const char *end = memchr(bytes, '\n', MIN(size, head_max));
	const char *blank = end ? memrchr(bytes, ' ', end - bytes) : NULL;
	ssize_t largest;
	int64_t length;
	int result;

	*out = (Record){0};
	if (!end && size < head_max)
		return 0;
	if (!blank || !parse_digits(blank + 1, (int)(end - blank - 1), 0, INT64_MAX, &length))
		return refuse_head(queue);
	out->head = end + 1 - bytes;
	out->length = length;
	result = mark_parse(handle, bytes, blank - bytes, &out->mark);
	if (result < 0)
		return refusal_noted() ? result : refuse_head(queue);
	largest = queue_largest(handle);
	if (largest < 0)
		return (int)largest;
	if (length > largest)
		return refuse(EMSGSIZE, "a message here has at most %zd bytes", largest);
	return 1;
}

/* Sends the record at `bytes`; `last` is its last byte. */
static int record_send(Handle *handle, const Record *record, const char *bytes, char last, BlockMode block)
{
	if (last != '\n')
		return refuse(EINVAL, "record of %zu bytes has no newline after them", record->length);
	return queue_of(handle)->send(handle, &record->mark, bytes + record->head, record->length, block);
}

/* Whether the writer can try again, so that the record is not refused. */
static bool is_later(int result)
{
	return result == -EAGAIN || result == -EINTR;
}

/* Refuses an unfinished record as soon as its head is complete and wrong. Every later write then fails. */
static ssize_t record_check(Handle *handle, ssize_t taken)
{
	Record record;
	int result = record_parse(handle, buffer_bytes(&handle->unsent), handle->unsent.length, &record);

	if (result >= 0 || is_later(result))
		return taken;
	buffer_clear(&handle->unsent);
	handle->state[QUEUE_BROKEN] = -result;
	return result;
}

/* Takes the bytes from `buf` that the unfinished record in handle->unsent lacks. Returns their number or a negative errno. */
static ssize_t record_continue(Handle *handle, const char *buf, size_t size, BlockMode block)
{
	Buffer *unsent = &handle->unsent;
	size_t total = 0;

	while (total < size) {
		Record record;
		size_t missing = 1;
		int result = record_parse(handle, buffer_bytes(unsent), unsent->length, &record);

		if (result > 0) {
			missing = record.head + record.length - unsent->length;
			result = 0;
			if (missing == 0) {
				result = record_send(handle, &record, buffer_bytes(unsent), buf[total], block);
				if (result == 0) {
					buffer_take(unsent, NULL, unsent->length);
					return (ssize_t)total + 1;
				}
			}
		}
		if (is_later(result))
			return total > 0 ? (ssize_t)total : result;
		if (result < 0) {
			buffer_clear(unsent);
			handle->state[QUEUE_BROKEN] = -result;
			return result;
		}
		missing = MIN(missing, size - total);
		buffer_append(unsent, buf + total, missing);
		total += missing;
	}
	return record_check(handle, (ssize_t)total);
}

static ssize_t records_write(Handle *handle, const char *buf, size_t size, BlockMode block)
{
	size_t total = 0;
	ssize_t result = 0;

	if (handle->state[QUEUE_BROKEN])
		return refusal_repeat((int)handle->state[QUEUE_BROKEN]);
	while (result == 0 && total < size) {
		const char *start = buf + total;
		size_t left = size - total;
		Record record;

		if (handle->unsent.length) {
			result = record_continue(handle, start, left, block);
			if (result > 0) {
				total += result;
				result = 0;
			}
			continue;
		}
		result = record_parse(handle, start, left, &record);
		if (result > 0 && record.head + record.length + 1 <= left) {
			result = record_send(handle, &record, start, start[record.head + record.length], block);
			if (result == 0)
				total += record.head + record.length + 1;
		} else if (result < 0) {
			/* The rest of the record is still to be written, and must not be taken for another one. */
			if (!is_later((int)result) && record.length >= left - record.head)
				handle->state[QUEUE_BROKEN] = -result;
		} else {
			/* An unfinished record is kept. Its last newline is not among the bytes (see above). */
			buffer_append(&handle->unsent, start, left);
			total = size;
			result = 0;
		}
	}
	return total > 0 ? (ssize_t)total : result;
}

const StreamOps queue_records = {
	.open = queue_open,
	.read = records_read,
	.write = records_write,
	.poll = queue_poll,
	.wait = queue_wait,
	.close = queue_close,
	.cancel = queue_cancel,
};
