/*
 * PID/exit: a read blocks until the process has ended, and then returns end of file.
 *
 * The open file holds a pidfd in Handle.state. fs/ calls the functions through signal_exit, and watches the pidfd for waiting
 * requests. There are no locks.
 */
#include "backends/signal/exit.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "backends/signal/process.h"

enum { STATE_PIDFD };

static int exit_open(Handle *handle, BlockMode block)
{
	int pidfd = signal_process_pidfd(&handle->object);

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

static ssize_t exit_read(Handle *handle, char *buf, size_t size, BlockMode block)
{
	return exit_poll(handle) ? 0 : -EAGAIN;
}

static void exit_wait(Handle *handle, Direction direction, size_t size, Wait *out)
{
	const Object *object = &handle->object;

	*out = (Wait){
		.how = WAIT_FD,
		.fd = (int)handle->state[STATE_PIDFD],
		.events = POLLIN,
		.key = {object->id, object->part, object->select, (intptr_t)&signal_exit},
	};
}

static void exit_close(Handle *handle)
{
	close((int)handle->state[STATE_PIDFD]);
}

const StreamOps signal_exit = {
	.open = exit_open,
	.read = exit_read,
	.poll = exit_poll,
	.wait = exit_wait,
	.close = exit_close,
};
