/* Unit tests of fs/wait/handoff.c: waking the other end, and direct transfer. */
#include "fs/wait/handoff.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "backends/core/host.h"
#include "fs/wait/wakeup.h"
#include "tests/unit/fs/wait/fake_waiter.h"

enum { WHOLE = 16 /* stands for PIPE_BUF */ };

static bool wake_peer(int64_t number)
{
	const Wait wait = fake_wait(number);

	return handoff_wake_peer(wait.key);
}

/* -- Waking --------------------------------------------------------------------------------------------------------- */

static void test_no_peer(void)
{
	const unsigned before = wait_queue_wakes();

	g_assert_false(wake_peer(1));
	g_assert_cmpuint(wait_queue_wakes(), ==, before + 1);
}

static void test_first_on_this_thread(void)
{
	FakeWaiter *first = fake_waiter(fake_wait(2)), *second = fake_waiter(fake_wait(2));

	first->succeeds = second->succeeds = 0;
	fake_waiter_push(first);
	fake_waiter_push(second);
	g_assert_true(wake_peer(2));
	g_assert_cmpint(first->finished, >, 0);
	/* The watching thread runs the rest. */
	g_assert_cmpint(second->attempts, ==, 0);
	wakeup_run_queues(0);
	g_assert_cmpint(second->finished, >, 0);
}

static void test_no_progress(void)
{
	FakeWaiter *first = fake_waiter(fake_wait(3)), *second = fake_waiter(fake_wait(3));

	fake_waiter_push(first);
	fake_waiter_push(second);
	g_assert_false(wake_peer(3));
	g_assert_cmpint(first->attempts, ==, 1);
	g_assert_cmpint(first->waiter.state, ==, WAIT_QUEUED);
	wakeup_run_queues(0);
	g_assert_cmpint(first->attempts, ==, 1);
	g_assert_cmpint(second->attempts, ==, 0);
}

static void test_part(void)
{
	FakeWaiter *fake = fake_waiter(fake_wait(4));

	fake->step = 10;
	fake_waiter_push(fake);
	g_assert_true(wake_peer(4));
	g_assert_cmpint(fake->finished, ==, 0);
}

static void test_watched(void)
{
	const Wait wait = fake_wait(5);
	Watch watch = {.armed = true, .link = {.data = &watch}};
	const int before = fake_watches.notified;
	bool fresh;

	g_mutex_lock(&waiting_lock);
	wait_queue_push_watch(wait_queue_get(&wait, NULL, 0, &fresh), &watch);
	g_mutex_unlock(&waiting_lock);
	fake_watches.ready = false;
	wake_peer(5);
	wakeup_run_queues(0);
	g_assert_cmpint(fake_watches.notified, ==, before);
	fake_watches.ready = true;
	wake_peer(5);
	wakeup_run_queues(0);
	g_assert_cmpint(fake_watches.notified, ==, before + 1);
}

static FakeWaiter *nested;

static bool attempt_that_wakes(Waiter *waiter)
{
	(void)waiter;
	g_assert_false(wake_peer(7));
	g_assert_cmpint(nested->attempts, ==, 0);
	return true;
}

/* The attempt of a peer does something that a third request waits for. */
static void test_nested(void)
{
	FakeWaiter *outer = fake_waiter(fake_wait(6));
	WaiterOps ops = *outer->waiter.ops;

	ops.attempt = attempt_that_wakes;
	outer->waiter.ops = &ops;
	nested = fake_waiter(fake_wait(7));
	nested->succeeds = 0;
	fake_waiter_push(outer);
	fake_waiter_push(nested);
	g_assert_true(wake_peer(6));
	g_assert_cmpint(outer->finished, >, 0);
	wakeup_run_queues(0);
	g_assert_cmpint(nested->finished, >, 0);
}

/* -- Direct transfer ------------------------------------------------------------------------------------------------ */

static int buffer[2]; /* a pipe: the buffer that is bypassed */

static FakeWaiter *push_transfer(int64_t number, char *bytes, size_t size)
{
	FakeWaiter *fake = fake_waiter(fake_wait(number));

	fake->bytes = bytes;
	fake->size = size;
	fake_waiter_push(fake);
	return fake;
}

static size_t to_reader(int64_t number, const char *bytes, size_t size)
{
	const Wait wait = fake_wait(number);

	return host_transfer_to_reader(wait.key, buffer[0], bytes, size, WHOLE);
}

static size_t from_writer(int64_t number, char *bytes, size_t size)
{
	const Wait wait = fake_wait(number);

	return host_transfer_from_writer(wait.key, buffer[0], bytes, size, WHOLE);
}

static void test_to_reader(void)
{
	char room[8];
	FakeWaiter *reader = push_transfer(8, room, sizeof room);

	g_assert_cmpuint(to_reader(8, "hello", 5), ==, 5);
	g_assert_cmpmem(room, reader->filled, "hello", 5);
	g_assert_cmpint(reader->finished, >, 0);
	g_assert_cmpint(reader->attempts, ==, 0);
	g_assert_null(fake_queue_find(8));
	g_assert_cmpuint(to_reader(8, "hello", 5), ==, 0);
}

/* A write of up to `whole` bytes is not divided; a larger one fills the reader. */
static void test_to_small_reader(void)
{
	char room[8], large[WHOLE + 1] = "0123456789abcdef";
	FakeWaiter *reader = push_transfer(9, room, sizeof room);

	g_assert_cmpuint(to_reader(9, large, WHOLE), ==, 0);
	g_assert_cmpint(reader->waiter.state, ==, WAIT_QUEUED);
	g_assert_cmpuint(to_reader(9, large, sizeof large), ==, sizeof room);
	g_assert_cmpmem(room, reader->filled, large, sizeof room);
}

static void test_buffer_first(void)
{
	char room[8], byte;
	FakeWaiter *reader = push_transfer(10, room, sizeof room);

	g_assert_cmpint(write(buffer[1], "x", 1), ==, 1);
	g_assert_cmpuint(to_reader(10, "hello", 5), ==, 0);
	g_assert_cmpint(reader->waiter.state, ==, WAIT_QUEUED);
	g_assert_cmpint(read(buffer[0], &byte, 1), ==, 1);
	g_assert_cmpuint(to_reader(10, "hello", 5), ==, 5);
}

static void test_from_writer(void)
{
	char data[WHOLE * 2] = "the bytes of a writer that waits", got[WHOLE * 2];
	FakeWaiter *writer = push_transfer(11, data, sizeof data);

	g_assert_cmpuint(from_writer(11, got, 20), ==, 20);
	g_assert_cmpint(writer->finished, ==, 0);
	g_assert_cmpuint(writer->waiter.done, ==, 20);
	/* The rest is small by now, and stays whole. */
	g_assert_cmpuint(from_writer(11, got + 20, 4), ==, 0);
	g_assert_cmpuint(from_writer(11, got + 20, 12), ==, 12);
	g_assert_cmpint(writer->finished, >, 0);
	g_assert_cmpmem(got, sizeof got, data, sizeof data);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	fake_waiters_start();
	handoff_prepare();
	g_assert_cmpint(pipe2(buffer, O_CLOEXEC | O_NONBLOCK), ==, 0);
	g_test_add_func("/handoff/an action that no request waits for counts as a wake-up", test_no_peer);
	g_test_add_func("/handoff/the first waiter runs at once, the next on the watching thread",
			test_first_on_this_thread);
	g_test_add_func("/handoff/a waiter without progress keeps the others waiting", test_no_progress);
	g_test_add_func("/handoff/a part of a write is progress", test_part);
	g_test_add_func("/handoff/a watch is notified if its file is ready", test_watched);
	g_test_add_func("/handoff/a waiter that wakes a third one leaves it to the watching thread", test_nested);
	g_test_add_func("/handoff/bytes go into a waiting read", test_to_reader);
	g_test_add_func("/handoff/a small write is not divided", test_to_small_reader);
	g_test_add_func("/handoff/bytes in the buffer come first", test_buffer_first);
	g_test_add_func("/handoff/bytes come from a waiting write", test_from_writer);
	return g_test_run();
}
