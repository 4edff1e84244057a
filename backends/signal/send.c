/*
 * Sending: `send`, and a file for each signal. And `exit`, which waits.
 *
 * An open file holds a pidfd and who opened it, so a write needs no name. A short write is whole lines, the last one with
 * or without its newline, since the verdict on a signal belongs to the write that asked for it, not to a close. A long one
 * may have been cut anywhere by the buffer of a program: what follows its last newline stays in handle->unsent until the
 * rest comes or the file is closed.
 *
 * A target with too many signals queued (RLIMIT_SIGPENDING) is EAGAIN, as of sigqueue(3): nothing here ever waits.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "backends/core/parse.h"
#include "backends/core/procfs.h"
#include "backends/signal/tree.h"
#include "backends/common/signal_name.h"
#include "backends/signal/sender.h"
#include "backends/core/refusal.h"

/*
 * Handle.state: the descriptor (0: none, since 0 to 2 are taken), with LONG_WRITE beside it while a long write is under way,
 * and the Sender in the rest.
 */
enum { STATE_PIDFD, STATE_SENDER };

#define LONG_WRITE (INT64_C(1) << 32)

G_STATIC_ASSERT(sizeof(Sender) <= 3 * sizeof(int64_t));

enum { LONG = 512 /* bytes: from here on a write may have been cut */, LINE_MAX_BYTES = 256 };

static int pidfd_held(const Handle *handle)
{
	return (int)(handle->state[STATE_PIDFD] & (LONG_WRITE - 1));
}

/* -- Opening -------------------------------------------------------------------------------------------------------- */

/* Holds the process or thread, and makes sure that it is the one whose name was looked up. */
static int hold_process(const Object *object)
{
	int pidfd = pidfd_of((pid_t)object->id, object->select > 0);
	int directory;

	if (pidfd < 0)
		return pidfd;
	/* In this order: what has that start time now is what the pidfd holds. */
	directory = signal_directory(object);
	if (directory < 0) {
		close(pidfd);
		return directory;
	}
	close(directory);
	return pidfd;
}

/* A group's leader stands for it, dead or alive; one without has none, which is 0. */
static int hold_group(const Object *object)
{
	uint64_t start;
	int pidfd = object->part ? pidfd_of((pid_t)object->id, false) : 0;
	int result = signal_group_start((pid_t)object->id, &start);

	if (pidfd == -ESRCH)
		pidfd = 0;
	if (pidfd < 0)
		return pidfd;
	/* A leader may have ended since; one that was not there is another group's. */
	if (result == 0 && (start ? (int64_t)start != object->part : pidfd > 0))
		result = -ESRCH;
	if (result < 0 && pidfd > 0)
		close(pidfd);
	return result < 0 ? result : pidfd;
}

static int hold(const Object *object)
{
	switch (object->select) {
	case SIGNAL_GROUP:
		return hold_group(object);
	case SIGNAL_INBOX:
		return signal_inbox_pidfd(object);
	default:
		return hold_process(object);
	}
}

static int send_open(Handle *handle, BlockMode block)
{
	Sender sender;
	int result = sender_of(&handle->caller, &sender);
	int pidfd;

	if (result < 0)
		return result;
	pidfd = hold(&handle->object);
	if (pidfd < 0)
		return pidfd;
	handle->state[STATE_PIDFD] = pidfd;
	memcpy(&handle->state[STATE_SENDER], &sender, sizeof sender);
	return 0;
}

static void close_pidfd(Handle *handle)
{
	if (pidfd_held(handle) > 0)
		close(pidfd_held(handle));
}

/* -- Writing -------------------------------------------------------------------------------------------------------- */

typedef struct Order {
	int number, value;
} Order;

static bool parse_value(const char *text, int length, int *out)
{
	int64_t value;

	if (length > 11 || !parse_digits(text, length, INT_MIN, INT_MAX, &value))
		return false;
	*out = (int)value;
	return true;
}

/* A line of `send`: "SIGNAL" or "SIGNAL VALUE". */
static int parse_order(const char *line, int length, Order *out)
{
	const char *blank = memchr(line, ' ', length);
	int word = blank ? (int)(blank - line) : length;

	*out = (Order){.number = signal_parse(line, word)};
	if (out->number < 0)
		return refuse(EINVAL, "no signal is called %.*s", MIN(word, 64), line);
	if (blank && !parse_value(blank + 1, length - word - 1, &out->value))
		return refuse(EINVAL, "a line is SIGNAL or SIGNAL VALUE; a value is a number of 32 bits");
	return 0;
}

static int obey(Handle *handle, const Order *order)
{
	const Object *object = &handle->object;
	const Target target = {.pidfd = pidfd_held(handle),
			       .process = (pid_t)(object->select > 0 ? object->select : object->id)};
	Sender sender;

	memcpy(&sender, &handle->state[STATE_SENDER], sizeof sender);
	switch (object->select) {
	case SIGNAL_GROUP:
		return signal_group_send(&sender, object, target.pidfd ? target.pidfd : -1, order->number,
					 order->value);
	case SIGNAL_INBOX:
		/* Whom its owner lets write here may send it mail, not end it. */
		if (order->number == SIGKILL || order->number == SIGSTOP)
			return refuse(EPERM, "an inbox takes every signal but KILL and STOP; rmdir ends it");
		return sender_signal_allowed(&sender, &target, order->number, order->value);
	default:
		return sender_signal(&sender, &target, order->number, order->value);
	}
}

/* Sends one line. 0 or a negative errno. */
static int send_line(Handle *handle, const char *line, size_t length)
{
	Order order = {.number = handle->desc->which};
	int result = 0;

	if (length > LINE_MAX_BYTES)
		return refuse(EINVAL, "a line has at most %d bytes", LINE_MAX_BYTES);
	if (order.number == SIGNAL_BY_NAME)
		result = parse_order(line, (int)length, &order);
	else if (!parse_value(line, (int)length, &order.value))
		order.value = 0;
	return result < 0 ? result : obey(handle, &order);
}

/* Sends what was kept of a line, and `piece`. Keeps it when there is no room for the signal now, and drops it otherwise. */
static int send_kept(Handle *handle, const char *piece, size_t length)
{
	Buffer *kept = &handle->unsent;
	int result;

	buffer_append(kept, piece, MIN(length, LINE_MAX_BYTES + 1));
	result = send_line(handle, buffer_bytes(kept), kept->length);
	if (result == -EAGAIN)
		kept->length -= MIN(length, LINE_MAX_BYTES + 1);
	else
		buffer_take(kept, NULL, kept->length);
	return result;
}

static ssize_t write_lines(Handle *handle, const char *buf, size_t size)
{
	size_t total = 0;

	if (size >= LONG)
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
			result = send_kept(handle, line, length);
		else
			result = send_line(handle, line, length);
		if (result < 0)
			return total > 0 ? (ssize_t)total : result;
		total += end ? length + 1 : length;
	}
	handle->state[STATE_PIDFD] &= ~LONG_WRITE;
	return (ssize_t)total;
}

/* sigqueue(3) does not wait either where the target has too many signals queued. */
static ssize_t send_write(Handle *handle, const char *buf, size_t size, BlockMode block)
{
	ssize_t n = write_lines(handle, buf, size);

	return n == -EAGAIN ?
		       refuse(EAGAIN, "as many signals are queued as the target's user may have (RLIMIT_SIGPENDING)") :
		       n;
}

static int send_finish(Handle *handle, BlockMode block)
{
	return handle->unsent.length ? send_kept(handle, NULL, 0) : 0;
}

const StreamOps signal_send = {
	.open = send_open,
	.write = send_write,
	.finish = send_finish,
	.close = close_pidfd,
};

/* -- exit: the end comes with the process's ---------------------------------------------------------------------------- */

static int exit_open(Handle *handle, BlockMode block)
{
	int pidfd = hold_process(&handle->object);

	if (pidfd < 0)
		return pidfd;
	handle->state[STATE_PIDFD] = pidfd;
	return 0;
}

static int exit_poll(Handle *handle)
{
	struct pollfd process = {.fd = pidfd_held(handle), .events = POLLIN};

	return poll(&process, 1, 0) > 0 ? POLLIN | POLLRDNORM | POLLHUP : 0;
}

static ssize_t exit_read(Handle *handle, char *buf, size_t size, BlockMode block)
{
	return exit_poll(handle) ? 0 : -EAGAIN;
}

static void exit_wait(Handle *handle, Direction direction, size_t size, Wait *out)
{
	const Object *object = &handle->object;

	*out = (Wait){
		.how = WAIT_FD,
		.fd = pidfd_held(handle),
		.events = POLLIN,
		.key = {object->id, object->part, object->select, (intptr_t)&signal_exit},
	};
}

const StreamOps signal_exit = {
	.open = exit_open,
	.read = exit_read,
	.poll = exit_poll,
	.wait = exit_wait,
	.close = close_pidfd,
};
