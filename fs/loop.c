/*
 * The loop of a dispatcher that is alone.
 *
 * It does not sleep as soon as there is nothing to do. Whoever was answered often comes again within microseconds, and to
 * let a processor go idle and wake it costs more than all else that a request costs. So it looks out for SPIN_US first. That
 * is of use only where requests come that fast, from another processor: after FAILURES that found none it sleeps at once,
 * and tries again after REST requests.
 */
#include "fs/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <glib.h>

enum { SPIN_US = 20, FAILURES = 3, REST = 200, ABORTED = 100 /* tries, a millisecond each */ };

/* Whether to look out is worth it. */
typedef struct Lookout {
	gint64 since; /* when there began to be nothing to do, in us; 0: there is something */
	int failures; /* in a row */
	int rest;     /* requests that are not to be looked out for */
} Lookout;

static void lookout_served(Lookout *lookout)
{
	if (lookout->since && !lookout->rest)
		lookout->failures = 0;
	lookout->since = 0;
	lookout->rest -= lookout->rest > 0;
}

/* There is nothing to do. Returns whether to sleep. */
static bool lookout_over(Lookout *lookout)
{
	gint64 now;

	if (lookout->rest)
		return true;
	now = g_get_monotonic_time();
	if (!lookout->since)
		lookout->since = now;
	if (now - lookout->since < SPIN_US)
		return false;
	lookout->since = 0;
	if (++lookout->failures == FAILURES) {
		lookout->failures = 0;
		lookout->rest = REST;
	}
	return true;
}

/*
 * The next request: its size, 0 at the unmount, or a negative errno; -EINTR: again. Not libfuse's own function, since that
 * complains of ECONNABORTED, with which the kernel answers in the middle of an unmount, while there are requests yet.
 */
static ssize_t receive(int device, struct fuse_buf *request, size_t room)
{
	static int aborted; /* in a row */
	ssize_t n = read(device, request->mem, room);

	if (n >= 0) {
		aborted = 0;
		request->size = (size_t)n;
		return n;
	}
	switch (errno) {
	case ENOENT: /* its caller was interrupted meanwhile */
		return -EINTR;
	case ENODEV:
		return 0;
	case ECONNABORTED:
		/* It stays with that only where the connection was aborted. */
		if (++aborted > ABORTED)
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
	Lookout lookout = {0};

	fcntl(fd.fd, F_SETFL, fcntl(fd.fd, F_GETFL) | O_NONBLOCK);
	while (!fuse_session_exited(session)) {
		ssize_t n = receive(fd.fd, &request, room);

		if (n > 0) {
			lookout_served(&lookout);
			fuse_session_process_buf(session, &request);
		} else if (n == -EAGAIN) {
			if (lookout_over(&lookout))
				poll(&fd, 1, -1);
		} else if (n != -EINTR) {
			return (int)n;
		}
	}
	return 0;
}
