/*
 * Several writes to one handle can run at once (StreamOps.whole_writes): processes that inherited the open file must not wait
 * for each other, because one may write the +1 that the -1 of another waits for. Each write waits on a worker thread of its
 * own, in the mechanism's blocking call, so that the kernel decides the order.
 *
 * Locking: `lock` protects Handle.rest, the operation that last failed with EAGAIN.
 */
#include "backends/common/semaphore.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "backends/core/parse.h"
#include "backends/core/refusal.h"

enum {
	TEXT_MAX = 65536, /* a longer write would delay the others, and the kernel may split it */
	FEW = 16,         /* changes in a line that need no memory */
};

static GMutex lock; /* "the semaphore lock": guards the refused operation in Handle.rest */

static const Semaphore *semaphore_of(const Handle *handle)
{
	return handle->desc->mechanism;
}

/* -- Lines ---------------------------------------------------------------------------------------------------------- */

static int refuse_text(const Handle *handle)
{
	if (semaphore_of(handle)->set)
		return refuse(EINVAL, "an operation is a line of NUMBER:CHANGE, such as 0:-1 1:+2 2:0");
	return refuse(EINVAL, "an operation is a number on a line of its own, such as -1 or +1");
}

static bool parse_change(const char *text, size_t length, int64_t *out)
{
	bool plus = length > 0 && text[0] == '+';

	return length <= 20 && parse_digits(text + plus, (int)length - plus, plus ? 0 : INT64_MIN, INT64_MAX, out);
}

static bool parse_word(const Handle *handle, const char *word, size_t length, SemaphoreChange *out)
{
	const char *colon;

	if (!semaphore_of(handle)->set) {
		out->number = handle->object.part;
		return parse_change(word, length, &out->by);
	}
	colon = memchr(word, ':', length);
	return colon && colon - word <= 20 && parse_digits(word, (int)(colon - word), 0, INT64_MAX, &out->number) &&
	       parse_change(colon + 1, length - (colon + 1 - word), &out->by);
}

/* The changes that a line asks for; how many there are, 0 if it is no operation. Stores `room` of them. */
static size_t parse_line(const Handle *handle, const char *line, size_t length, SemaphoreChange *changes, size_t room)
{
	const char *end = line + length;
	size_t count = 0;

	for (const char *word = line; word < end;) {
		const char *after = word;
		SemaphoreChange change;

		if (*word == ' ' || *word == '\t') {
			word++;
			continue;
		}
		while (after < end && *after != ' ' && *after != '\t')
			after++;
		if (!parse_word(handle, word, after - word, &change) || (count && !semaphore_of(handle)->set))
			return 0;
		if (count < room)
			changes[count] = change;
		count++;
		word = after;
	}
	return count;
}

static size_t line_length(const char *text, size_t size)
{
	const char *newline = memchr(text, '\n', size);

	return newline ? (size_t)(newline - text) : size;
}

/* Checks all lines before the first is done: a write with a mistake changes nothing. */
static int check_text(const Handle *handle, const char *text, size_t size)
{
	if (size > TEXT_MAX)
		return refuse(EMSGSIZE, "operations are written in pieces of at most %d bytes, whole lines each",
			      TEXT_MAX);
	/* A line that a program's buffer has cut would be taken for two. */
	if (memchr(text, '\n', size) && text[size - 1] != '\n')
		return refuse(EINVAL, "a write of several lines ends with a newline: one was cut");
	for (size_t done = 0; done < size;) {
		size_t length = line_length(text + done, size - done);

		if (!parse_line(handle, text + done, length, NULL, 0))
			return refuse_text(handle);
		done += length + 1;
	}
	return 0;
}

/* -- Doing it ------------------------------------------------------------------------------------------------------- */

static void remember_refused(Handle *handle, const SemaphoreChange *changes, size_t count)
{
	g_mutex_lock(&lock);
	buffer_take(&handle->rest, NULL, handle->rest.length);
	buffer_append(&handle->rest, (const char *)changes, count * sizeof *changes);
	__atomic_store_n(&handle->state[SEMAPHORE_REFUSED], 1, __ATOMIC_RELEASE);
	g_mutex_unlock(&lock);
}

static void forget_refused(Handle *handle)
{
	if (__atomic_load_n(&handle->state[SEMAPHORE_REFUSED], __ATOMIC_ACQUIRE))
		__atomic_store_n(&handle->state[SEMAPHORE_REFUSED], 0, __ATOMIC_RELEASE);
}

static int do_line(Handle *handle, const char *line, size_t length, BlockMode block)
{
	SemaphoreChange few[FEW], *changes = few;
	g_autofree SemaphoreChange *many = NULL;
	size_t count = parse_line(handle, line, length, few, FEW);
	int result;

	if (count > FEW) {
		changes = many = g_new(SemaphoreChange, count);
		parse_line(handle, line, length, many, count);
	}
	result = semaphore_of(handle)->operate(handle, changes, count, block);
	if (result == -EAGAIN)
		remember_refused(handle, changes, count);
	else if (result == 0)
		forget_refused(handle);
	return result;
}

static ssize_t op_write(Handle *handle, const char *buf, size_t size, BlockMode block)
{
	int result = check_text(handle, buf, size);
	size_t done = 0;

	while (result == 0 && done < size) {
		size_t length = line_length(buf + done, size - done);

		result = do_line(handle, buf + done, length, block);
		if (result == 0)
			done = MIN(done + length + 1, size);
	}
	return done > 0 ? (ssize_t)done : result;
}

static int op_poll(Handle *handle)
{
	const Semaphore *semaphore = semaphore_of(handle);
	const SemaphoreChange take = {.number = handle->object.part, .by = -1};
	g_autofree SemaphoreChange *refused = NULL;
	size_t count = 0;
	int could = 1;

	g_mutex_lock(&lock);
	if (handle->state[SEMAPHORE_REFUSED]) {
		count = handle->rest.length / sizeof *refused;
		refused = g_memdup2(buffer_bytes(&handle->rest), handle->rest.length);
	}
	g_mutex_unlock(&lock);
	if (refused)
		could = semaphore->could(handle, refused, count);
	else if (!semaphore->set)
		could = semaphore->could(handle, &take, 1);
	return could ? POLLOUT | POLLWRNORM : 0;
}

/* Each request waits alone, with a key of its own. */
static void op_wait(Handle *handle, Direction direction, size_t size, Wait *out)
{
	static int64_t tickets;

	*out = (Wait){
		.how = WAIT_CALL,
		.key = {(int64_t)(intptr_t)&tickets, __atomic_add_fetch(&tickets, 1, __ATOMIC_RELAXED)},
	};
}

static int op_open(Handle *handle, BlockMode block)
{
	const Semaphore *semaphore = semaphore_of(handle);

	return semaphore->open ? semaphore->open(handle) : 0;
}

static void op_close(Handle *handle)
{
	const Semaphore *semaphore = semaphore_of(handle);

	if (semaphore->close)
		semaphore->close(handle);
}

const StreamOps semaphore_op = {
	.open = op_open,
	.write = op_write,
	.poll = op_poll,
	.wait = op_wait,
	.close = op_close,
	.whole_writes = true,
};

/* -- hold ----------------------------------------------------------------------------------------------------------- */

/* If the open fails or has to wait, it undoes op_open(): fs/ calls close only after a successful open. */
static int hold_open(Handle *handle, BlockMode block)
{
	const Semaphore *semaphore = semaphore_of(handle);
	const SemaphoreChange take = {.number = handle->object.part, .by = -1};
	int result = op_open(handle, block);

	if (result < 0)
		return result;
	result = semaphore->operate(handle, &take, 1, block);
	if (result < 0)
		op_close(handle);
	return result;
}

static ssize_t hold_write(Handle *handle, const char *buf, size_t size, BlockMode block)
{
	return refuse(EINVAL, "hold is only opened and closed; write to op");
}

static void hold_close(Handle *handle)
{
	semaphore_of(handle)->give_back(handle);
	op_close(handle);
}

const StreamOps semaphore_hold = {
	.open = hold_open,
	.write = hold_write,
	.wait = op_wait,
	.close = hold_close,
	.whole_writes = true,
};
