/* The files data, next and drain; lines and records have tests of their own. */
#include "tests/unit/backends/common/fake_queue.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "backends/core/refusal.h"

static void test_data_write(void)
{
	Handle handle = fake_open(&queue_data, O_WRONLY);

	fake_reset();
	fake.mark = 7;
	g_assert_cmpint(fake_write_text(&handle, "two\nlines\n"), ==, 10);
	g_assert_cmpint(fake_write(&handle, "a\0b", 3), ==, 3);
	fake_expect(7, "two\nlines\n", 10);
	fake_expect(7, "a\0b", 3);
	fake_expect_nothing();
	fake_close(&handle);
	g_assert_cmpint(fake.closed, ==, 1);
}

static void test_data_refused(void)
{
	g_autofree char *bytes = g_malloc0(FAKE_WHOLE_WRITE + 1);
	Handle handle = fake_open(&queue_data, O_WRONLY);

	fake_reset();
	g_assert_cmpint(fake_write(&handle, bytes, 101), ==, -EMSGSIZE);
	g_assert_cmpint(fake_write(&handle, bytes, 100), ==, 100);
	fake_expect(1, bytes, 100);
	g_assert_cmpint(fake_write(&handle, bytes, FAKE_WHOLE_WRITE + 1), ==, -EMSGSIZE);
	g_assert_cmpstr(refusal_note(), ==, "a message here has at most 100 bytes");
	/* A larger write may be a piece of one that the kernel has cut: not even a queue that takes it gets it. */
	fake.largest = 1000000;
	g_assert_cmpint(fake_write(&handle, bytes, FAKE_WHOLE_WRITE), ==, FAKE_WHOLE_WRITE);
	fake_expect(1, bytes, FAKE_WHOLE_WRITE);
	g_assert_cmpint(fake_write(&handle, bytes, FAKE_WHOLE_WRITE + 1), ==, -EMSGSIZE);
	g_assert_nonnull(strstr(refusal_note(), "write longer messages to lines or records"));
	fake.room = 0;
	g_assert_cmpint(fake_write_text(&handle, "x"), ==, -EAGAIN);
	fake.fails = -EIDRM;
	g_assert_cmpint(fake_write_text(&handle, "x"), ==, -EIDRM);
	fake_expect_nothing();
	/* Nothing of what was refused sticks. */
	fake.fails = 0;
	fake.room = -1;
	g_assert_cmpint(fake_write_text(&handle, "y"), ==, 1);
	fake_expect_text("y");
	fake_close(&handle);
}

/* Readers with buffers of every size get each message whole, none of them a piece of two. */
static void test_data_sizes(void)
{
	static const char *const messages[] = {"first", "x", "a longer one", "last\n"};

	for (size_t size = 1; size <= 20; size++) {
		Handle handle = fake_open(&queue_data, O_RDONLY);

		fake_reset();
		for (size_t i = 0; i < G_N_ELEMENTS(messages); i++)
			fake_put(1, messages[i], strlen(messages[i]));
		for (size_t i = 0; i < G_N_ELEMENTS(messages); i++)
			for (const char *rest = messages[i]; *rest; rest += MIN(size, strlen(rest))) {
				g_autofree char *piece = g_strndup(rest, size);

				fake_expect_read(&handle, size, piece);
				/* The later messages stay in the queue, for the next reader. */
				g_assert_cmpuint(g_queue_get_length(&fake.messages), ==,
						 G_N_ELEMENTS(messages) - i - 1);
			}
		g_assert_cmpint(queue_data.read(&handle, (char[1]){0}, 1, NONBLOCK), ==, -EAGAIN);
		fake_close(&handle);
	}
}

static void test_data_empty(void)
{
	Handle handle = fake_open(&queue_data, O_RDONLY);

	fake_reset();
	fake_put(1, "", 0);
	fake_put(1, "a", 1);
	fake_expect_read(&handle, 10, "");
	fake_expect_read(&handle, 10, "a");
	fake_close(&handle);
}

/* The rest of a message is readable even if the queue has been removed. */
static void test_data_rest(void)
{
	Handle handle = fake_open(&queue_data, O_RDONLY);

	fake_reset();
	fake_put(1, "abcdef", 6);
	fake_expect_read(&handle, 2, "ab");
	g_assert_cmpint(queue_data.poll(&handle) & POLLIN, ==, POLLIN);
	fake.fails = -EIDRM;
	fake_expect_read(&handle, 10, "cdef");
	g_assert_cmpint(queue_data.poll(&handle) & POLLIN, ==, 0);
	g_assert_cmpint(queue_data.read(&handle, (char[1]){0}, 1, NONBLOCK), ==, -EIDRM);
	fake_close(&handle);
}

static void test_next(void)
{
	for (size_t size = 1; size <= 10; size++) {
		Handle handle = fake_open(&queue_next, O_RDONLY);

		fake_reset();
		g_assert_cmpint(queue_next.read(&handle, (char[1]){0}, 1, NONBLOCK), ==, -EAGAIN);
		fake_put(1, "first", 5);
		fake_put(1, "second", 6);
		for (const char *rest = "first"; *rest; rest += MIN(size, strlen(rest))) {
			g_autofree char *piece = g_strndup(rest, size);

			fake_expect_read(&handle, size, piece);
		}
		fake_expect_read(&handle, size, "");
		fake_expect_read(&handle, size, "");
		g_assert_cmpint(queue_next.poll(&handle) & POLLIN, ==, POLLIN);
		fake_expect_text("second");
		fake_close(&handle);
	}
}

static void test_next_empty(void)
{
	Handle handle = fake_open(&queue_next, O_RDONLY);

	fake_reset();
	fake_put(1, "", 0);
	fake_put(1, "second", 6);
	fake_expect_read(&handle, 10, "");
	fake_expect_read(&handle, 10, "");
	fake_expect_text("second");
	fake_close(&handle);
}

static void test_drain(void)
{
	for (size_t size = 1; size <= 20; size++) {
		Handle handle = fake_open(&queue_drain, O_RDONLY);
		g_autoptr(GString) all = NULL;

		fake_reset();
		fake_put(1, "one", 3);
		fake_put(1, "", 0);
		fake_put(1, "three\n", 6);
		all = fake_read_all(&handle, size);
		g_assert_cmpstr(all->str, ==, "one\n\nthree\n");
		/* It has ended, whatever comes now. */
		fake_put(1, "late", 4);
		fake_expect_read(&handle, size, "");
		fake_expect_text("late");
		fake_close(&handle);
	}
}

static void test_drain_nothing(void)
{
	Handle handle = fake_open(&queue_drain, O_RDONLY);

	fake_reset();
	fake_expect_read(&handle, 10, "");
	fake_put(1, "late", 4);
	fake_expect_read(&handle, 10, "");
	fake_close(&handle);
}

/* drain does not return messages that arrive while it reads: else a writer in a loop would keep it for ever. */
static void test_drain_ends(void)
{
	Handle handle = fake_open(&queue_drain, O_RDONLY);

	fake_reset();
	fake_put(1, "one", 3);
	fake_put(1, "two", 3);
	fake_expect_read(&handle, 5, "one\n");
	fake_put(1, "late", 4);
	fake_expect_read(&handle, 100, "two\n");
	fake_expect_read(&handle, 100, "");
	fake_expect_text("late");
	fake_close(&handle);
}

/* Others read as well: what they took is not waited for. */
static void test_drain_robbed(void)
{
	Handle handle = fake_open(&queue_drain, O_RDONLY);

	fake_reset();
	fake_put(1, "one", 3);
	fake_put(1, "two", 3);
	fake_expect_read(&handle, 5, "one\n");
	fake_expect_text("two");
	fake_expect_read(&handle, 100, "");
	fake_put(1, "late", 4);
	fake_expect_read(&handle, 100, "");
	fake_close(&handle);
}

static void test_drain_refused(void)
{
	Handle handle = fake_open(&queue_drain, O_RDONLY);

	fake_reset();
	fake.fails = -EIDRM;
	g_assert_cmpint(queue_drain.read(&handle, (char[1]){0}, 1, NONBLOCK), ==, -EIDRM);
	fake_close(&handle);
}

/* A queue that has no more to come is at its end, whatever file reads it; what came before is handed over first. */
static void test_end(void)
{
	static const StreamOps *const files[] = {&queue_data, &queue_next, &queue_drain, &queue_lines, &queue_records};

	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		for (size_t size = 1; size <= 200; size += 199) {
			Handle handle = fake_open(files[i], O_RDONLY);
			GString *all;

			fake_reset();
			fake_put(1, "last", 4);
			fake.ends = true;
			all = fake_read_all(&handle, size);
			g_assert_nonnull(strstr(all->str, "last"));
			fake_expect_nothing();
			fake_expect_read(&handle, size, "");
			g_string_free(all, TRUE);
			fake_close(&handle);
		}
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/queue/data/write", test_data_write);
	g_test_add_func("/queue/data/refused", test_data_refused);
	g_test_add_func("/queue/data/sizes", test_data_sizes);
	g_test_add_func("/queue/data/empty", test_data_empty);
	g_test_add_func("/queue/data/rest", test_data_rest);
	g_test_add_func("/queue/next/one", test_next);
	g_test_add_func("/queue/next/empty", test_next_empty);
	g_test_add_func("/queue/drain/all", test_drain);
	g_test_add_func("/queue/drain/nothing", test_drain_nothing);
	g_test_add_func("/queue/drain/ends", test_drain_ends);
	g_test_add_func("/queue/drain/robbed", test_drain_robbed);
	g_test_add_func("/queue/drain/refused", test_drain_refused);
	g_test_add_func("/queue/end", test_end);
	return g_test_run();
}
