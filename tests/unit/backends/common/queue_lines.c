#include "tests/unit/backends/common/fake_queue.h"

#include <errno.h>
#include <string.h>

static const char some_lines[] = "one\n\ntwo words\n\0x\nlast";

static void check_some_lines(void)
{
	fake_expect(1, "one", 3);
	fake_expect(1, "", 0);
	fake_expect(1, "two words", 9);
	fake_expect(1, "\0x", 2);
	fake_expect(1, "last", 4);
	fake_expect_nothing();
}

static void test_any_cut(void)
{
	fake_write_any_cut(&queue_lines, some_lines, sizeof some_lines - 1, check_some_lines);
}

/* A line with its newline leaves nothing for the close. */
static void test_finish(void)
{
	Handle handle = fake_open(&queue_lines, O_WRONLY);

	fake_reset();
	fake.mark = 3;
	g_assert_cmpint(fake_write_text(&handle, "one\n"), ==, 4);
	g_assert_cmpint(queue_lines.finish(&handle, NONBLOCK), ==, 0);
	fake_expect(3, "one", 3);
	fake_expect_nothing();
	g_assert_cmpint(fake_write_text(&handle, "tw"), ==, 2);
	fake_expect_nothing();
	g_assert_cmpint(fake_write_text(&handle, "o"), ==, 1);
	fake.room = 0;
	g_assert_cmpint(queue_lines.finish(&handle, NONBLOCK), ==, -EAGAIN);
	fake.room = 1;
	g_assert_cmpint(queue_lines.finish(&handle, NONBLOCK), ==, 0);
	fake_expect(3, "two", 3);
	fake_expect_nothing();
	fake_close(&handle);
	g_assert_cmpint(fake.closed, ==, 1);
}

/* A full queue takes what it has room for; the writer hears how much that was. */
static void test_full(void)
{
	Handle handle = fake_open(&queue_lines, O_WRONLY);

	fake_reset();
	fake.room = 2;
	g_assert_cmpint(fake_write_text(&handle, "one\ntwo\nthree\n"), ==, 8);
	g_assert_cmpint(fake_write_text(&handle, "three\n"), ==, -EAGAIN);
	fake.room = 1;
	g_assert_cmpint(fake_write_text(&handle, "thr"), ==, 3);
	g_assert_cmpint(fake_write_text(&handle, "ee\nfour\n"), ==, 3);
	g_assert_cmpint(fake_write_text(&handle, "four\n"), ==, -EAGAIN);
	fake_expect_text("one");
	fake_expect_text("two");
	fake_expect_text("three");
	fake_expect_nothing();
	/* A start that was taken waits for its newline however often that is refused. */
	fake.room = 0;
	g_assert_cmpint(fake_write_text(&handle, "fo"), ==, 2);
	g_assert_cmpint(fake_write_text(&handle, "ur\n"), ==, -EAGAIN);
	g_assert_cmpint(fake_write_text(&handle, "ur\n"), ==, -EAGAIN);
	fake.room = 1;
	g_assert_cmpint(fake_write_text(&handle, "ur\n"), ==, 3);
	fake_expect_text("four");
	fake_expect_nothing();
	fake_close(&handle);
}

static void test_largest(void)
{
	Handle handle = fake_open(&queue_lines, O_WRONLY);

	fake_reset();
	fake.largest = 5;
	g_assert_cmpint(fake_write_text(&handle, "12345\n"), ==, 6);
	fake_expect_text("12345");
	g_assert_cmpint(fake_write_text(&handle, "12345"), ==, 5);
	g_assert_cmpint(fake_write_text(&handle, "\n"), ==, 1);
	fake_expect_text("12345");
	/* Lines before the long one are sent. Of the long one nothing was taken, so the file can still be used. */
	g_assert_cmpint(fake_write_text(&handle, "a\n123456\nb\n"), ==, 2);
	g_assert_cmpint(fake_write_text(&handle, "123456\nb\n"), ==, -EMSGSIZE);
	g_assert_cmpint(fake_write_text(&handle, "b\n"), ==, 2);
	fake_expect_text("a");
	fake_expect_text("b");
	fake_expect_nothing();
	fake_close(&handle);
}

/* A line that becomes too long when its start was taken: what follows must not be taken for a message. */
static void test_broken(void)
{
	static const char *const ends[] = {"456\n", "456", "456\nnext\n"};

	for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
		Handle handle = fake_open(&queue_lines, O_WRONLY);

		fake_reset();
		fake.largest = 5;
		g_assert_cmpint(fake_write_text(&handle, "123"), ==, 3);
		g_assert_cmpint(fake_write_text(&handle, ends[i]), ==, -EMSGSIZE);
		g_assert_cmpint(fake_write_text(&handle, "\n"), ==, -EMSGSIZE);
		g_assert_cmpint(fake_write_text(&handle, "x\n"), ==, -EMSGSIZE);
		g_assert_cmpint(queue_lines.finish(&handle, NONBLOCK), ==, 0);
		fake_expect_nothing();
		fake_close(&handle);
	}
}

static void test_refused(void)
{
	Handle handle = fake_open(&queue_lines, O_RDWR);

	fake_reset();
	fake.fails = -EIDRM;
	g_assert_cmpint(fake_write_text(&handle, "x\n"), ==, -EIDRM);
	g_assert_cmpint(queue_lines.read(&handle, (char[1]){0}, 1, NONBLOCK), ==, -EIDRM);
	fake_close(&handle);
}

static const char *const messages[] = {"one", "", "three\n", "\n", "a longer message", "end"};
static const char as_lines[] = "one\n\nthree\n\na longer message\nend\n";

static void put_messages(void)
{
	fake_reset();
	for (size_t i = 0; i < G_N_ELEMENTS(messages); i++)
		fake_put(1, messages[i], strlen(messages[i]));
}

/*
 * One read of every size: as many whole lines as are there and fit, or a piece of the first one; and no message is taken
 * that it does not hand over.
 */
static void test_read_once(void)
{
	for (size_t size = 1; size <= sizeof as_lines; size++) {
		Handle handle = fake_open(&queue_lines, O_RDONLY);
		g_autofree char *buf = g_malloc(size);
		size_t taken, whole = 0;
		ssize_t n;

		put_messages();
		n = queue_lines.read(&handle, buf, size, NONBLOCK);
		g_assert_cmpint(n, >, 0);
		g_assert_cmpmem(buf, (size_t)n, as_lines, (size_t)n);
		taken = G_N_ELEMENTS(messages) - g_queue_get_length(&fake.messages);
		for (size_t i = 0; i < taken; i++)
			whole += strlen(messages[i]) + !g_str_has_suffix(messages[i], "\n");
		g_assert_cmpuint(whole, ==, (size_t)n + handle.rest.length);
		if (handle.rest.length)
			g_assert_cmpuint(taken, ==, 1);
		/* One more would not have fitted, with the newline that it may need. */
		if (taken < G_N_ELEMENTS(messages) && !handle.rest.length)
			g_assert_cmpuint((size_t)n + strlen(messages[taken]) + 1, >, size);
		fake_close(&handle);
	}
}

static void test_read_sizes(void)
{
	for (size_t size = 1; size <= sizeof as_lines; size++) {
		Handle handle = fake_open(&queue_lines, O_RDONLY);
		g_autoptr(GString) all = NULL;

		put_messages();
		all = fake_read_all(&handle, size);
		g_assert_cmpstr(all->str, ==, as_lines);
		fake_expect_nothing();
		fake_close(&handle);
	}
}

static void test_exact_fit(void)
{
	Handle handle = fake_open(&queue_lines, O_RDONLY);

	fake_reset();
	fake_put(1, "1234", 4);
	fake_put(1, "56", 2);
	fake_put(1, "78", 2);
	fake_expect_read(&handle, 5, "1234\n");
	g_assert_cmpuint(handle.rest.length, ==, 0);
	fake_expect_read(&handle, 6, "56\n78\n");
	/* A newline that does not fit any more is the next read's, of the same message. */
	fake_put(1, "1234", 4);
	fake_put(1, "5", 1);
	fake_expect_read(&handle, 4, "1234");
	fake_expect_read(&handle, 100, "\n");
	fake_expect_read(&handle, 100, "5\n");
	fake_close(&handle);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/queue-lines/any-cut", test_any_cut);
	g_test_add_func("/queue-lines/finish", test_finish);
	g_test_add_func("/queue-lines/full", test_full);
	g_test_add_func("/queue-lines/largest", test_largest);
	g_test_add_func("/queue-lines/broken", test_broken);
	g_test_add_func("/queue-lines/refused", test_refused);
	g_test_add_func("/queue-lines/read-once", test_read_once);
	g_test_add_func("/queue-lines/read-sizes", test_read_sizes);
	g_test_add_func("/queue-lines/exact-fit", test_exact_fit);
	return g_test_run();
}
