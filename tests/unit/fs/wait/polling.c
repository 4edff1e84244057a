/* Unit tests of fs/wait/polling.c and stream_poll(): notifications of poll handles. */
#include "fs/wait/polling.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "fs/stream.h"
#include "tests/unit/fs/fake_stream.h"

enum { USER = 1001 };

static File *open_file(FakeHow how, int flags)
{
	File *file;

	fake_stream_reset();
	file = fake_file(how, flags);
	file_opened(file);
	return file;
}

/* Polls for these events with a new handle; the file is ready for `expected` of them. */
static struct fuse_pollhandle *poll_file(File *file, int events, unsigned expected)
{
	struct fuse_pollhandle *handle = fake_pollhandle();
	fuse_req_t req = fake_request(USER);

	stream_poll(req, file, events, handle);
	fake_expect_error(req, 0);
	g_assert_cmpuint(req->events & (unsigned)events, ==, expected);
	return handle;
}

static void assert_not_notified(struct fuse_pollhandle *handle)
{
	g_assert_cmpint(g_atomic_int_get(&handle->notified), ==, 0);
	g_assert_cmpint(g_atomic_int_get(&handle->destroyed), ==, 0);
}

static void close_file(File *file)
{
	polling_disarm(file);
	file_unref(file);
}

static void test_notified(gconstpointer how)
{
	File *file = open_file(GPOINTER_TO_INT(how), O_RDONLY);
	struct fuse_pollhandle *handle = poll_file(file, POLLIN, 0);

	g_usleep(20000);
	assert_not_notified(handle);
	fake_fill("x");
	fake_wake();
	fake_expect_notified(handle);
	close_file(file);
}

static void test_newest(void)
{
	File *file = open_file(FAKE_KEY, O_RDONLY);
	struct fuse_pollhandle *first = poll_file(file, POLLIN, 0), *second = poll_file(file, POLLIN, 0);

	g_assert_cmpint(first->destroyed, ==, 1);
	g_assert_cmpint(first->notified, ==, 0);
	fake_fill("x");
	fake_wake();
	fake_expect_notified(second);
	close_file(file);
}

static void test_disarmed(void)
{
	File *file = open_file(FAKE_KEY, O_RDONLY);
	struct fuse_pollhandle *handle = poll_file(file, POLLIN, 0);

	polling_disarm(file);
	g_assert_cmpint(handle->destroyed, ==, 1);
	fake_wake();
	g_assert_cmpint(handle->notified, ==, 0);
	file_unref(file);
	fake_reach(&fake_stream.closes, 1);
}

/* A wake-up that came after the file was found not to be ready, and before the handle was armed. */
static void test_late(void)
{
	File *file = open_file(FAKE_KEY, O_RDONLY);
	struct fuse_pollhandle *handle = fake_pollhandle();
	const unsigned before = wait_queue_wakes();

	fake_wake();
	polling_arm(file, handle, 1 << READING, before);
	g_assert_cmpint(handle->notified, ==, 1);
	g_assert_cmpint(handle->destroyed, ==, 1);
	close_file(file);
}

static void test_direction(void)
{
	File *file = open_file(FAKE_FD, O_RDWR);
	struct fuse_pollhandle *handle = poll_file(file, POLLIN | POLLOUT, POLLOUT);

	/* It is writable, which the poller knows; only bytes to read are news. */
	g_usleep(20000);
	assert_not_notified(handle);
	fake_fill("x");
	fake_expect_notified(handle);
	close_file(file);
}

/* An edge-triggered poller was told that the file is ready, and reads until EAGAIN, without another poll. */
static void test_rearmed(void)
{
	File *file = open_file(FAKE_KEY, O_RDONLY);
	struct fuse_pollhandle *handle;
	fuse_req_t req = fake_request(USER);

	fake_fill("x");
	handle = poll_file(file, POLLIN, POLLIN);
	stream_read(fake_request(USER), file, 1, 0, true);
	stream_read(req, file, 1, 0, true);
	fake_expect_error(req, EAGAIN);
	assert_not_notified(handle);
	fake_fill("y");
	fake_wake();
	fake_expect_notified(handle);
	close_file(file);
}

#define ADD_HOW(path, function, how) g_test_add_data_func(path, GINT_TO_POINTER(how), function)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	fake_stream_start();
	ADD_HOW("/polling/a descriptor that is ready notifies", test_notified, FAKE_FD);
	ADD_HOW("/polling/a wake-up notifies", test_notified, FAKE_KEY);
	ADD_HOW("/polling/a worker that becomes ready notifies", test_notified, FAKE_READY);
	ADD_HOW("/polling/a file that nothing wakes is looked at", test_notified, FAKE_CALL);
	g_test_add_func("/polling/the newest handle counts", test_newest);
	g_test_add_func("/polling/a released file does not notify", test_disarmed);
	g_test_add_func("/polling/a wake-up before the handle is armed notifies", test_late);
	g_test_add_func("/polling/only the direction that is not ready notifies", test_direction);
	g_test_add_func("/polling/a read that finds nothing arms the handle again", test_rearmed);
	return g_test_run();
}
