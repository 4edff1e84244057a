/*
 * Sending signals: `send`, and one file for each signal.
 *
 * An open file holds a pidfd of the target and the credentials of the process that opened it, so a write needs no look-up.
 *
 * Lines: a write of fewer than LONG_WRITE_BYTES consists of whole lines, the last one with or without its newline. Each write
 * thus returns the result of its own signals. A program's buffer may have divided a longer write at any byte. The bytes after
 * its last newline therefore stay in handle->unsent until the next write or the last close.
 *
 * A write never blocks. If the target has too many signals queued (RLIMIT_SIGPENDING), it fails with EAGAIN, as sigqueue(3).
 *
 * fs/ calls the functions through signal_send. There are no locks: one write of a handle is under way at a time.
 */
#include "backends/signal/send.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "backends/common/signal_name.h"
#include "backends/core/parse.h"
#include "backends/core/refusal.h"
#include "backends/signal/group.h"
#include "backends/signal/inbox.h"
#include "backends/signal/object.h"
#include "backends/signal/process.h"
#include "backends/signal/sender.h"

/*
 * Handle.state: the pidfd (0: none), with the flag LONG_WRITE while a long write is under way; and the Sender in the rest.
 */
enum { STATE_PIDFD, STATE_SENDER };

#define LONG_WRITE (INT64_C(1) << 32)

G_STATIC_ASSERT(sizeof(Sender) <= 3 * sizeof(int64_t));

enum { LONG_WRITE_BYTES = 512, LINE_MAX_BYTES = 256 };

static int pidfd_of_handle(const Handle *handle)
{
	return (int)(handle->state[STATE_PIDFD] & (LONG_WRITE - 1));
}

/* -- Opening ------------------------------------------------------------------------------------------------------------ */

/* Returns a pidfd of the target, 0 for a group without a leader, or a negative errno. */
static int target_pidfd(const Object *object)
{
	switch (object->select) {
	case SIGNAL_GROUP:
		return signal_group_pidfd(object);
	case SIGNAL_INBOX:
		return inbox_pidfd(object);
	default:
		return signal_process_pidfd(object);
	}
}

static int send_open(Handle *handle, BlockMode block)
{
	Sender sender;
	int result = sender_of(&handle->caller, &sender);
	int pidfd;

	if (result < 0)
		return result;
	pidfd = target_pidfd(&handle->object);
	if (pidfd < 0)
		return pidfd;
	handle->state[STATE_PIDFD] = pidfd;
	memcpy(&handle->state[STATE_SENDER], &sender, sizeof sender);
	return 0;
}

static void send_close(Handle *handle)
{
	if (pidfd_of_handle(handle) > 0)
		close(pidfd_of_handle(handle));
}

/* -- Writing ------------------------------------------------------------------------------------------------------------ */

typedef struct Signal {
	int number, value;
} Signal;

static bool parse_value(const char *text, int length, int *out)
{
	int64_t value;

	if (length > 11 || !parse_digits(text, length, INT_MIN, INT_MAX, &value))
		return false;
	*out = (int)value;
	return true;
}

/* Parses a line of `send`: "SIGNAL" or "SIGNAL VALUE". */
static int parse_line(const char *line, int length, Signal *out)
{
	const char *blank = memchr(line, ' ', length);
	int word = blank ? (int)(blank - line) : length;

	*out = (Signal){.number = signal_parse(line, word)};
	if (out->number < 0)
		return refuse(EINVAL, "unknown signal %.*s: use a name such as TERM, or a number from 0 to 64",
			      MIN(word, 64), line);
	if (blank && !parse_value(blank + 1, length - word - 1, &out->value))
		return refuse(EINVAL, "value is not a decimal number of 32 bits: write SIGNAL or SIGNAL VALUE");
	return 0;
}

static int send_signal(Handle *handle, const Signal *signal)
{
	const Object *object = &handle->object;
	const Target target = {.pidfd = pidfd_of_handle(handle),
			       .process = (pid_t)(object->select > 0 ? object->select : object->id)};
	Sender sender;

	memcpy(&sender, &handle->state[STATE_SENDER], sizeof sender);
	switch (object->select) {
	case SIGNAL_GROUP:
		return signal_group_send(&sender, object, target.pidfd, signal->number, signal->value);
	case SIGNAL_INBOX:
		/* Write permission on `send` is permission to send to the inbox, and not to end or stop it. */
		if (signal->number == SIGKILL || signal->number == SIGSTOP)
			return refuse(EPERM, "an inbox does not accept KILL and STOP: use rmdir to end it");
		return sender_send_unchecked(&sender, &target, signal->number, signal->value);
	default:
		return sender_send(&sender, &target, signal->number, signal->value);
	}
}

/* Sends one line. 0 or a negative errno. */
static int send_line(Handle *handle, const char *line, size_t length)
{
	Signal signal = {.number = handle->desc->which};
	int result = 0;

	if (length > LINE_MAX_BYTES)
		return refuse(EINVAL, "line is longer than %d bytes: write SIGNAL or SIGNAL VALUE", LINE_MAX_BYTES);
	if (signal.number == SIGNAL_BY_NAME)
		result = parse_line(line, (int)length, &signal);
	else if (!parse_value(line, (int)length, &signal.value))
		signal.value = 0;
	return result < 0 ? result : send_signal(handle, &signal);
}

/*
 * Sends the line that consists of handle->unsent and `piece`. After -EAGAIN handle->unsent is as before; otherwise it is empty.
 */
static int send_unsent(Handle *handle, const char *piece, size_t length)
{
	Buffer *unsent = &handle->unsent;
	int result;

	buffer_append(unsent, piece, MIN(length, LINE_MAX_BYTES + 1));
	result = send_line(handle, buffer_bytes(unsent), unsent->length);
	if (result == -EAGAIN)
		unsent->length -= MIN(length, LINE_MAX_BYTES + 1);
	else
		buffer_take(unsent, NULL, unsent->length);
	return result;
}

/* Returns the number of bytes whose lines were sent or kept; or, if the first line fails, its negative errno. */
static ssize_t write_lines(Handle *handle, const char *buf, size_t size)
{
	size_t total = 0;

	if (size >= LONG_WRITE_BYTES)
		handle->state[STATE_PIDFD] |= LONG_WRITE;
	while (total < size) {
		const char *line = buf + total;
		const char *end = memchr(line, '\n', size - total);
		size_t length = end ? (size_t)(end - line) : size - total;
		int result = 0;

		if (!end && (handle->state[STATE_PIDFD] & LONG_WRITE) &&
		    handle->unsent.length + length <= LINE_MAX_BYTES)
			buffer_append(&handle->unsent, line, length);
		else if (handle->unsent.length)
			result = send_unsent(handle, line, length);
		else
			result = send_line(handle, line, length);
		if (result < 0)
			return total > 0 ? (ssize_t)total : result;
		total += end ? length + 1 : length;
	}
	handle->state[STATE_PIDFD] &= ~LONG_WRITE;
	return (ssize_t)total;
}

static ssize_t send_write(Handle *handle, const char *buf, size_t size, BlockMode block)
{
	ssize_t n = write_lines(handle, buf, size);

	return n == -EAGAIN ?
		       refuse(EAGAIN,
			      "the target's user has too many signals queued (RLIMIT_SIGPENDING): try again later") :
		       n;
}

static int send_finish(Handle *handle, BlockMode block)
{
	return handle->unsent.length ? send_unsent(handle, NULL, 0) : 0;
}

const StreamOps signal_send = {
	.open = send_open,
	.write = send_write,
	.finish = send_finish,
	.close = send_close,
};
