/*
 * Sending: `send`, and a file for each signal. And `exit`, which waits.
 *
 * An open file holds a pidfd and who opened it, so a write needs no name. A write is whole lines, the last one with or
 * without its newline: the verdict on each signal belongs to the write that asked for it, not to a close.
 *
 * A target with too many signals queued (RLIMIT_SIGPENDING, see sigqueue(3)) is waited for. Nothing tells when it has taken
 * one, so a waiter thread asks again and again.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backends/parse.h"
#include "backends/process.h"
#include "backends/signal.h"
#include "backends/signal_name.h"
#include "backends/signal_sender.h"
#include "backends/why.h"

/* Handle.state: the descriptor (0: none, since 0 to 2 are taken) and the Sender in the rest. */
enum { STATE_PIDFD, STATE_SENDER };

G_STATIC_ASSERT(sizeof(Sender) <= 3 * sizeof(int64_t));

enum { AGAIN_MS = 2 };

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

static int send_open(Handle *handle, Patience patience)
{
	Sender sender;
	int result = sender_of(&handle->caller, &sender);
	int pidfd;

	(void)patience;
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
	if (handle->state[STATE_PIDFD] > 0)
		close((int)handle->state[STATE_PIDFD]);
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
		return why_refuse(EINVAL, "no signal is called %.*s", MIN(word, 64), line);
	if (blank && !parse_value(blank + 1, length - word - 1, &out->value))
		return why_refuse(EINVAL, "a line is SIGNAL or SIGNAL VALUE; a value is a number of 32 bits");
	return 0;
}

static int obey(Handle *handle, const Order *order)
{
	const Object *object = &handle->object;
	const Target target = {.pidfd = (int)handle->state[STATE_PIDFD],
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
			return why_refuse(EPERM, "an inbox takes every signal but KILL and STOP; rmdir ends it");
		return sender_signal_allowed(&sender, &target, order->number, order->value);
	default:
		return sender_signal(&sender, &target, order->number, order->value);
	}
}

/* Sends the first line of what is written. Returns how much of it that was. */
static ssize_t write_line(Handle *handle, const char *buf, size_t size)
{
	const char *end = memchr(buf, '\n', size);
	size_t length = end ? (size_t)(end - buf) : size;
	Order order = {.number = handle->row->which};
	int result = 0;

	if (order.number == SIGNAL_BY_NAME)
		result = parse_order(buf, (int)length, &order);
	else if (!parse_value(buf, (int)length, &order.value))
		order.value = 0;
	if (result == 0)
		result = obey(handle, &order);
	return result < 0 ? result : (ssize_t)(end ? length + 1 : length);
}

static ssize_t send_write(Handle *handle, const char *buf, size_t size, Patience patience)
{
	const struct timespec pause = {.tv_nsec = AGAIN_MS * 1000000L};

	for (;;) {
		ssize_t n = write_line(handle, buf, size);

		if (n != -EAGAIN || patience == TRY)
			return n;
		if (nanosleep(&pause, NULL))
			return -EINTR;
	}
}

static void send_wait(Handle *handle, Direction direction, size_t size, Wait *out)
{
	(void)direction, (void)size;
	*out = (Wait){.how = WAIT_CALL, .key = {(intptr_t)handle, 0, 0, (intptr_t)&signal_send}};
}

const StreamOps signal_send = {
	.open = send_open,
	.write = send_write,
	.wait = send_wait,
	.close = close_pidfd,
	.whole_writes = true,
};

/* -- exit: the end comes with the process's ---------------------------------------------------------------------------- */

static int exit_open(Handle *handle, Patience patience)
{
	int pidfd = hold_process(&handle->object);

	(void)patience;
	if (pidfd < 0)
		return pidfd;
	handle->state[STATE_PIDFD] = pidfd;
	return 0;
}

static int exit_poll(Handle *handle)
{
	struct pollfd process = {.fd = (int)handle->state[STATE_PIDFD], .events = POLLIN};

	return poll(&process, 1, 0) > 0 ? POLLIN | POLLRDNORM | POLLHUP : 0;
}

static ssize_t exit_read(Handle *handle, char *buf, size_t size, Patience patience)
{
	(void)buf, (void)size, (void)patience;
	return exit_poll(handle) ? 0 : -EAGAIN;
}

static void exit_wait(Handle *handle, Direction direction, size_t size, Wait *out)
{
	const Object *object = &handle->object;

	(void)direction, (void)size;
	*out = (Wait){
		.how = WAIT_FD,
		.fd = (int)handle->state[STATE_PIDFD],
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
