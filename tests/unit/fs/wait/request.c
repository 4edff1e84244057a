/*
 * Unit tests of fs/wait/request.c and waiting.c: a request from its start to its reply, and an interrupt in each of its states. The
 * watching thread and the workers run as in the daemon; the mechanism and libfuse are fake.
 */
#include "fs/wait/request.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fs/wait/finishing.h"
#include "tests/unit/fs/fake_stream.h"

enum { USER = 1001, CAPACITY = 4096 };

static fuse_req_t start(File *file, Operation operation, const char *data, size_t size, bool nonblocking)
{
	fuse_req_t req = fake_request(USER);
	const RequestSpec spec = {
		.operation = operation,
		.fuse = req,
		.file = file,
		.size = size,
		.data = data,
		.nonblocking = nonblocking,
	};

	request_start(&spec);
	return req;
}

static fuse_req_t start_read(File *file)
{
	return start(file, READ, NULL, 100, false);
}

static File *open_file(FakeHow how, int flags)
{
	File *file;

	fake_stream_reset();
	file = fake_file(how, flags);
	file_opened(file);
	return file;
}

/* Ends the kernel's hold, and expects that to be the last one. */
static void close_file(File *file)
{
	const int closes = g_atomic_int_get(&fake_stream.closes);

	file_unref(file);
	fake_reach(&fake_stream.closes, closes + 1);
}

/* A read that waits: in a wait queue, or on a worker that sleeps. */
static fuse_req_t start_waiting_read(File *file)
{
	fuse_req_t req = start_read(file);

	if (file->handle.desc->which >= FAKE_READY && file->handle.desc->which <= FAKE_STUCK)
		fake_reach(&fake_stream.sleeping, 1);
	g_assert_false(fake_has_reply(req));
	return req;
}

static void fill_and_wake(const char *bytes)
{
	fake_fill(bytes);
	fake_wake();
}

/* -- Without an interrupt ------------------------------------------------------------------------------------------- */

static void test_at_once(void)
{
	File *file = open_file(FAKE_FD, O_RDWR);

	fake_fill("hello");
	fake_expect_bytes(start_read(file), "hello");
	fake_expect_size(start(file, WRITE, "hi", 2, false), 2);
	g_assert_cmpint(fake_stream.reads, ==, 1);
	close_file(file);
}

static void test_nonblocking(void)
{
	File *file = open_file(FAKE_FD, O_RDONLY);

	fake_expect_error(start(file, READ, NULL, 100, true), EAGAIN);
	g_assert_cmpint(fake_stream.give_ups, ==, 1);
	close_file(file);
}

static void test_waits(gconstpointer how)
{
	File *file = open_file(GPOINTER_TO_INT(how), O_RDONLY);
	fuse_req_t req = start_waiting_read(file);

	fill_and_wake("hello");
	fake_release();
	fake_expect_bytes(req, "hello");
	close_file(file);
}

static void fill_in_between(void)
{
	fill_and_wake("late");
}

/* A change that no descriptor shows comes between the attempt and the wait. */
static void test_wake_in_between(void)
{
	File *file = open_file(FAKE_KEY, O_RDONLY);

	fake_stream.after_read = fill_in_between;
	fake_expect_bytes(start_read(file), "late");
	g_assert_cmpint(fake_stream.reads, ==, 2);
	close_file(file);
}

static void test_lane(void)
{
	File *file = open_file(FAKE_KEY, O_RDONLY);
	fuse_req_t first = start_waiting_read(file), second = start_read(file);

	fake_expect_error(start(file, READ, NULL, 100, true), EAGAIN);
	g_assert_cmpint(fake_stream.reads, ==, 1);
	fill_and_wake("one");
	fake_expect_bytes(first, "one");
	g_assert_false(fake_has_reply(second));
	fill_and_wake("two");
	fake_expect_bytes(second, "two");
	close_file(file);
}

/* The data of a write that waits are copied, and go out in parts as there is room. */
static void test_long_write(void)
{
	g_autofree char *data = g_strnfill(CAPACITY * 3, 'x');
	File *file = open_file(FAKE_FD, O_WRONLY);
	fuse_req_t req = start(file, WRITE, data, CAPACITY * 3, false);
	char bytes[CAPACITY];

	memset(data, 'y', CAPACITY * 3);
	for (size_t left = CAPACITY * 3; left;) {
		const size_t n = fake_drain(bytes, sizeof bytes);

		g_assert_true(!n || bytes[n - 1] == 'x');
		left -= n;
	}
	fake_expect_size(req, CAPACITY * 3);
	close_file(file);
}

static void test_open_waits(void)
{
	File *file;
	fuse_req_t req;

	fake_stream_reset();
	fake_stream.refuses_open = true;
	file = fake_file(FAKE_KEY, O_RDONLY);
	req = start(file, OPEN, NULL, 0, false);
	g_assert_false(fake_has_reply(req));
	fake_stream.refuses_open = false;
	fake_wake();
	g_assert_cmpuint(fake_opened_slot(req), ==, file->slot);
	close_file(file);
	g_assert_cmpint(fake_stream.cancels, ==, 0);
}

/* The rest that a closed file sends: no caller, and the file stays until then. */
static void test_finish_waits(void)
{
	File *file = open_file(FAKE_KEY, O_WRONLY);
	const RequestSpec finish = {.operation = FINISH, .file = file};

	fake_stream.refuses_open = true;
	request_start(&finish);
	g_assert_cmpint(fake_stream.finishes, ==, 1);
	g_assert_cmpint(fake_stream.closes, ==, 0);
	fake_stream.refuses_open = false;
	fake_wake();
	fake_reach(&fake_stream.closes, 1);
	g_assert_cmpint(fake_stream.finishes, >=, 2);
	g_assert_cmpint(finishing_check(USER), ==, 0);
}

static void test_pipe(void)
{
	File *reads = open_file(FAKE_PIPE, O_RDONLY), *writes = fake_file(FAKE_PIPE, O_WRONLY);
	fuse_req_t req = start_waiting_read(reads);
	char byte;

	file_opened(writes);
	fake_expect_size(start(writes, WRITE, "direct", 6, false), 6);
	fake_expect_bytes(req, "direct");
	g_assert_cmpuint(fake_drain(&byte, 1), ==, 0);
	close_file(reads);
	close_file(writes);
}

/* -- Interrupts ----------------------------------------------------------------------------------------------------- */

static fuse_req_t to_interrupt;

static void interrupt_now(void)
{
	fake_interrupt(to_interrupt);
}

static void test_interrupt_waiting(gconstpointer how)
{
	File *file = open_file(GPOINTER_TO_INT(how), O_RDONLY);
	fuse_req_t req = start_waiting_read(file);
	char bytes[8];

	fake_interrupt(req);
	fake_expect_error(req, EINTR);
	/* The next bytes are for the next reader. */
	fake_fill("next");
	g_assert_cmpuint(fake_drain(bytes, sizeof bytes), ==, 4);
	g_assert_cmpint(fake_stream.give_ups, ==, 1);
	close_file(file);
}

static void test_interrupt_queued(void)
{
	File *file = open_file(FAKE_KEY, O_RDONLY);
	fuse_req_t first = start_waiting_read(file), second = start_read(file), third = start_read(file);

	fake_interrupt(second);
	fake_expect_error(second, EINTR);
	g_assert_cmpint(fake_stream.give_ups, ==, 0);
	fill_and_wake("one");
	fake_expect_bytes(first, "one");
	fill_and_wake("three");
	fake_expect_bytes(third, "three");
	close_file(file);
}

/* The first is interrupted: the one behind it takes its turn. */
static void test_interrupt_first(void)
{
	File *file = open_file(FAKE_KEY, O_RDONLY);
	fuse_req_t first = start_waiting_read(file), second = start_read(file);

	fake_interrupt(first);
	fake_expect_error(first, EINTR);
	fill_and_wake("two");
	fake_expect_bytes(second, "two");
	close_file(file);
}

/* The interrupt comes between the attempt and the wait. */
static void test_interrupt_in_between(void)
{
	File *file = open_file(FAKE_KEY, O_RDONLY);
	fuse_req_t req = fake_request(USER);
	const RequestSpec spec = {.operation = READ, .fuse = req, .file = file, .size = 10};

	to_interrupt = req;
	fake_stream.after_read = interrupt_now;
	request_start(&spec);
	g_assert_true(fake_has_reply(req));
	fake_expect_error(req, EINTR);
	close_file(file);
}

/* The interrupt comes while the watching thread makes an attempt that finds nothing. */
static void test_interrupt_running(void)
{
	File *file = open_file(FAKE_KEY, O_RDONLY);
	fuse_req_t req = start_waiting_read(file);

	to_interrupt = req;
	fake_stream.after_read = interrupt_now;
	fake_wake();
	fake_expect_error(req, EINTR);
	g_assert_cmpint(fake_stream.reads, ==, 2);
	close_file(file);
}

static void interrupt_at_next_read(void)
{
	fake_stream.after_read = interrupt_now;
}

/* It was queued behind another request, and is interrupted during its first attempt. */
static void test_interrupt_next(void)
{
	File *file = open_file(FAKE_KEY, O_RDONLY);
	fuse_req_t first = start_waiting_read(file), second = start_read(file);

	to_interrupt = second;
	fake_stream.after_read = interrupt_at_next_read;
	fill_and_wake("one");
	fake_expect_bytes(first, "one");
	fake_expect_error(second, EINTR);
	fill_and_wake("three");
	fake_expect_bytes(start_read(file), "three");
	close_file(file);
}

/* Bytes that were taken already are delivered. */
static void test_interrupt_taken(void)
{
	File *file = open_file(FAKE_KEY, O_RDONLY);
	fuse_req_t req = start_waiting_read(file);

	to_interrupt = req;
	fake_stream.after_read = interrupt_now;
	fill_and_wake("taken");
	fake_expect_bytes(req, "taken");
	close_file(file);
}

static void test_interrupt_twice(void)
{
	File *file = open_file(FAKE_KEY, O_RDONLY);
	fuse_req_t req = start_waiting_read(file);

	fake_interrupt(req);
	fake_interrupt(req);
	fake_expect_error(req, EINTR);
	/* After the reply there is no callback any more. */
	g_assert_null(req->interrupt);
	close_file(file);
}

/* A caller whose call is stuck is told; the call still has the file, and its result goes to no caller. */
static void test_interrupt_stuck(void)
{
	File *file = open_file(FAKE_STUCK, O_RDONLY);
	fuse_req_t req = start_waiting_read(file);

	fake_interrupt(req);
	fake_expect_error(req, EINTR);
	g_assert_cmpint(g_atomic_int_get(&fake_stream.sleeping), ==, 1);
	file_unref(file);
	g_assert_cmpint(g_atomic_int_get(&fake_stream.closes), ==, 0);
	fake_fill("lost");
	fake_release();
	fake_reach(&fake_stream.closes, 1);
	g_assert_cmpint(req->replies, ==, 1);
}

/* With a part of a write done, the interrupt returns that part. */
static void test_interrupt_part(void)
{
	g_autofree char *data = g_strnfill(CAPACITY * 2, 'x');
	File *file = open_file(FAKE_FD, O_WRONLY);
	fuse_req_t req = start(file, WRITE, data, CAPACITY * 2, false);

	g_assert_false(fake_has_reply(req));
	fake_interrupt(req);
	fake_expect_size(req, CAPACITY);
	close_file(file);
}

static void test_interrupt_open(void)
{
	fuse_req_t req;

	fake_stream_reset();
	fake_stream.refuses_open = true;
	req = start(fake_file(FAKE_KEY, O_RDONLY), OPEN, NULL, 0, false);
	fake_interrupt(req);
	fake_expect_error(req, EINTR);
	fake_reach(&fake_stream.cancels, 1);
	g_assert_cmpint(fake_stream.closes, ==, 0);
}

/* The caller of an open is gone when its reply comes: there will be no release. */
static void test_open_gone(void)
{
	fuse_req_t req = fake_request(USER);
	RequestSpec spec = {.operation = OPEN, .fuse = req};

	fake_stream_reset();
	req->gone = true;
	spec.file = fake_file(FAKE_KEY, O_RDONLY);
	request_start(&spec);
	g_assert_cmpint(fake_stream.closes, ==, 1);
}

/* Interrupts at any moment: each request has one reply, and nothing is lost or taken twice. */
static void test_interrupt_race(void)
{
	enum { ROUNDS = 2000 };
	File *file = open_file(FAKE_FD, O_RDONLY);
	int read_bytes = 0, left_bytes = 0;

	for (int i = 0; i < ROUNDS; i++) {
		fuse_req_t req = start_read(file);
		char byte;

		fake_fill("x");
		for (volatile int spin = 0; spin < i % 500 * 20; spin++)
			;
		fake_interrupt(req);
		while (!fake_has_reply(req))
			g_thread_yield();
		read_bytes += req->error ? 0 : (int)req->size;
		left_bytes += (int)fake_drain(&byte, 1);
		g_assert_cmpint(read_bytes + left_bytes, ==, i + 1);
	}
	close_file(file);
}

#define ADD_HOW(path, function, how) g_test_add_data_func(path, GINT_TO_POINTER(how), function)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	fake_stream_start();
	g_test_add_func("/request/a request that can go on replies at once", test_at_once);
	g_test_add_func("/request/a non-blocking read fails with EAGAIN", test_nonblocking);
	ADD_HOW("/request/a read waits for a descriptor", test_waits, FAKE_FD);
	ADD_HOW("/request/a read waits for a key", test_waits, FAKE_KEY);
	ADD_HOW("/request/a read waits on a worker that sleeps until it is ready", test_waits, FAKE_READY);
	ADD_HOW("/request/a read waits on a worker that makes the call", test_waits, FAKE_CALL);
	ADD_HOW("/request/a read waits on a worker that asks a file system", test_waits, FAKE_STUCK);
	g_test_add_func("/request/a wake-up between attempt and wait is not lost", test_wake_in_between);
	g_test_add_func("/request/reads of one file take turns", test_lane);
	g_test_add_func("/request/a long write goes out in parts", test_long_write);
	g_test_add_func("/request/an open waits", test_open_waits);
	g_test_add_func("/request/the rest of a closed file waits", test_finish_waits);
	g_test_add_func("/request/a write goes straight to a waiting read", test_pipe);
	ADD_HOW("/request/interrupt/while it waits for a descriptor", test_interrupt_waiting, FAKE_FD);
	ADD_HOW("/request/interrupt/while it waits for a key", test_interrupt_waiting, FAKE_KEY);
	ADD_HOW("/request/interrupt/while a worker sleeps until it is ready", test_interrupt_waiting, FAKE_READY);
	ADD_HOW("/request/interrupt/while a worker is in the call", test_interrupt_waiting, FAKE_CALL);
	g_test_add_func("/request/interrupt/while it is queued behind another request", test_interrupt_queued);
	g_test_add_func("/request/interrupt/of the first lets the next one go on", test_interrupt_first);
	g_test_add_func("/request/interrupt/between attempt and wait", test_interrupt_in_between);
	g_test_add_func("/request/interrupt/during an attempt that finds nothing", test_interrupt_running);
	g_test_add_func("/request/interrupt/during its first attempt after its turn came", test_interrupt_next);
	g_test_add_func("/request/interrupt/during an attempt that takes bytes", test_interrupt_taken);
	g_test_add_func("/request/interrupt/twice", test_interrupt_twice);
	g_test_add_func("/request/interrupt/while the call is stuck in a file system", test_interrupt_stuck);
	g_test_add_func("/request/interrupt/after a part of a write", test_interrupt_part);
	g_test_add_func("/request/interrupt/of an open that waits", test_interrupt_open);
	g_test_add_func("/request/an open whose caller is gone is closed", test_open_gone);
	g_test_add_func("/request/interrupt/at any moment", test_interrupt_race);
	return g_test_run();
}
