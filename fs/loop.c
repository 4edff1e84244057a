/*
 * The loop of the only dispatcher (`--threads 1`).
 *
 * With nothing to do it does not sleep at once. A caller that got its reply often sends the next request within
 * microseconds, and to wake a sleeping processor costs more than all other work of a request. So the loop first polls
 * for SPIN_US. That helps only if requests come that fast, from another processor. After FAILURES polls in a row
 * without a request, the loop sleeps at once, and polls again after REST requests.
 *
 * Caller: session.c, on the main thread. No locks.
 */
#include "fs/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <glib.h>

enum { SPIN_US = 20, FAILURES = 3, REST = 200, ABORTED_MAX = 100 /* reads in a row, a millisecond apart */ };

/* Whether polling is worth it. */
typedef struct Spin {
	gint64 since; /* when the poll began, in us; 0: there is a request */
	int failures; /* polls in a row without a request */
	int rest;     /* requests until the next poll */
} Spin;

static void spin_end(Spin *spin)
{
	if (spin->since && !spin->rest)
		spin->failures = 0;
	spin->since = 0;
	spin->rest -= spin->rest > 0;
}

/* There is no request. Returns whether to sleep. */
static bool spin_is_over(Spin *spin)
{
	gint64 time;

	if (spin->rest)
		return true;
	time = g_get_monotonic_time();
	if (!spin->since)
		spin->since = time;
	if (time - spin->since < SPIN_US)
		return false;
	spin->since = 0;
	if (++spin->failures == FAILURES) {
		spin->failures = 0;
		spin->rest = REST;
	}
	return true;
}

/*
 * Reads the next request. Returns its size, 0 after the unmount, or a negative errno; -EINTR: read again. libfuse's own
 * function logs ECONNABORTED, which the kernel returns during an unmount while there are still requests.
 */
static ssize_t receive_request(int device, struct fuse_buf *request, size_t room)
{
	static int aborted; /* in a row */
	ssize_t n = read(device, request->mem, room);

	if (n >= 0) {
		aborted = 0;
		request->size = (size_t)n;
		return n;
	}
	switch (errno) {
	case ENOENT: /* the caller of that request was interrupted */
		return -EINTR;
	case ENODEV:
		return 0;
	case ECONNABORTED:
		/* It persists only if the connection was aborted. */
		if (++aborted > ABORTED_MAX)
			return -ECONNABORTED;
		g_usleep(1000);
		return -EINTR;
	default:
		return -errno;
	}
}

int loop_run(struct fuse_session *session, size_t room)
{
	g_autofree char *memory = g_malloc(room);
	struct fuse_buf request = {.mem = memory};
	struct pollfd fd = {.fd = fuse_session_fd(session), .events = POLLIN};
	Spin spin = {0};

	fcntl(fd.fd, F_SETFL, fcntl(fd.fd, F_GETFL) | O_NONBLOCK);
	while (!fuse_session_exited(session)) {
		ssize_t n = receive_request(fd.fd, &request, room);

		if (n > 0) {
			spin_end(&spin);
			fuse_session_process_buf(session, &request);
		} else if (n == -EAGAIN) {
			if (spin_is_over(&spin))
				poll(&fd, 1, -1);
		} else if (n != -EINTR) {
			return (int)n;
		}
	}
	return 0;
}
