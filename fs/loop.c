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

#include <glib.h>

enum { SPIN_US = 20, FAILURES = 3, REST = 200 };

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

int loop_run(struct fuse_session *session)
{
	static struct fuse_buf request; /* libfuse's to fill; it lasts as long as the process */
	struct pollfd fd = {.fd = fuse_session_fd(session), .events = POLLIN};
	Lookout lookout = {0};
	int result = 0;

	fcntl(fd.fd, F_SETFL, fcntl(fd.fd, F_GETFL) | O_NONBLOCK);
	while (!fuse_session_exited(session)) {
		result = fuse_session_receive_buf(session, &request);
		if (result > 0) {
			lookout_served(&lookout);
			fuse_session_process_buf(session, &request);
		} else if (result == -EAGAIN) {
			if (lookout_over(&lookout))
				poll(&fd, 1, -1);
		} else if (result != -EINTR) {
			return result;
		}
	}
	return 0;
}
