#include "tests/unit/backends/common/fake_queue.h"

#include <errno.h>
#include <string.h>

/* The bytes of a message may look like anything, a record's head too. */
static const char some_records[] = "1 3\none\n7 0\n\n1000000 8\n1 1\nx\n\n\n\n2 3\n\0\n\0\n";

static void check_some_records(void)
{
	fake_expect(1, "one", 3);
	fake_expect(7, "", 0);
	fake_expect(FAKE_MARK_MAX, "1 1\nx\n\n\n", 8);
	fake_expect(2, "\0\n\0", 3);
	fake_expect_nothing();
}

static void test_any_cut(void)
{
	fake_write_any_cut(&queue_records, some_records, sizeof some_records - 1, check_some_records);
}

typedef struct Bad {
	const char *text;
	int error;
} Bad;

static const Bad bad[] = {
	{"x 1\na\n", EINVAL},
	{"1\na\n", EINVAL},
	{"\n", EINVAL},
	{" \n", EINVAL},
	{" 1\na\n", EINVAL},
	{"1 \na\n", EINVAL},
	{"1  1\na\n", EINVAL},
	{"1 1 \na\n", EINVAL},
	{"1 1\r\na\n", EINVAL},
	{"+1 1\na\n", EINVAL},
	{"1 -1\n\n", EINVAL},
	{"1 0x1\na\n", EINVAL},
	{"0 1\na\n", EINVAL}, /* FAKE_MARK_MIN is 1 */
	{"-1 1\na\n", EINVAL},
	{"1000001 1\na\n", EINVAL}, /* FAKE_MARK_MAX and 1 more */
	{"1 2\nabc\n", EINVAL},
	{"1 1\naa\n", EINVAL},
	{"1 99999999999999999999\n", EINVAL},
	{"1 00000000000000000000000000000000000000000000000000000001\na\n", EINVAL},
	{"1111111111111111111111111111111111111111111111111111111111", EINVAL},
};

/* A record that is no record, written at once: refused, nothing taken; what went before it was sent. */
static void test_bad(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		Handle handle = fake_open(&queue_records, O_WRONLY);
		g_autofree char *behind = g_strconcat("5 2\nab\n", bad[i].text, NULL);

		g_test_message("'%s'", bad[i].text);
		fake_reset();
		g_assert_cmpint(fake_write_text(&handle, bad[i].text), ==, -bad[i].error);
		fake_expect_nothing();
		g_assert_cmpint(fake_write_text(&handle, behind), ==, 7);
		fake_expect(5, "ab", 2);
		fake_expect_nothing();
		fake_close(&handle);
	}
}

/* The same cut in two: once a part of it was taken, all else is refused with the same errno. */
static void test_bad_cut(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		for (size_t cut = 1; cut < strlen(bad[i].text); cut++) {
			Handle handle = fake_open(&queue_records, O_WRONLY);
			ssize_t first, second;

			g_test_message("'%s' cut at %zu", bad[i].text, cut);
			fake_reset();
			first = fake_write(&handle, bad[i].text, cut);
			if (first > 0) {
				g_assert_cmpint(first, ==, cut);
				second = fake_write_text(&handle, bad[i].text + cut);
				g_assert_cmpint(second, ==, -bad[i].error);
				g_assert_cmpint(fake_write_text(&handle, "1 1\na\n"), ==, -bad[i].error);
			} else {
				g_assert_cmpint(first, ==, -bad[i].error);
			}
			fake_expect_nothing();
			fake_close(&handle);
		}
}

/* Where the head alone is refused, what follows is the message, and nothing in it is a record. */
static void test_bad_head(void)
{
	static const Bad heads[] = {
		{"0 6\n", EINVAL},
		{"1 101\n", EMSGSIZE}, /* the fake queue takes 100 */
		{"1 9223372036854775807\n", EMSGSIZE},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(heads); i++) {
		Handle handle = fake_open(&queue_records, O_WRONLY);

		g_test_message("'%s'", heads[i].text);
		fake_reset();
		g_assert_cmpint(fake_write_text(&handle, heads[i].text), ==, -heads[i].error);
		g_assert_cmpint(fake_write_text(&handle, "1 1\na\n"), ==, -heads[i].error);
		fake_expect_nothing();
		fake_close(&handle);
	}
}

/* A queue that cannot say yet how much it takes: that is waited for, whatever was written of a record. */
static void test_later(void)
{
	static const char whole[] = "1 3\nabc\n";

	for (size_t cut = 1; cut < sizeof whole - 1; cut++) {
		Handle handle = fake_open(&queue_records, O_WRONLY);
		const char *rest = whole + cut;
		ssize_t written;

		fake_reset();
		g_assert_cmpint(fake_write(&handle, whole, cut), ==, cut);
		fake.largest = (size_t)-EAGAIN;
		written = fake_write_text(&handle, rest);
		if (written < 0)
			g_assert_cmpint(written, ==, -EAGAIN);
		else
			rest += written;
		fake.largest = 100;
		g_assert_cmpint(fake_write_text(&handle, rest), ==, strlen(rest));
		fake_expect(1, "abc", 3);
		fake_expect_nothing();
		fake_close(&handle);
	}
}

/* A record without an end at the close never was a message. */
static void test_unfinished(void)
{
	static const char whole[] = "1 3\nabc\n";

	for (size_t length = 1; length < sizeof whole - 1; length++) {
		Handle handle = fake_open(&queue_records, O_WRONLY);

		fake_reset();
		g_assert_cmpint(fake_write(&handle, whole, length), ==, length);
		if (queue_records.finish)
			queue_records.finish(&handle, NONBLOCK);
		fake_close(&handle);
		fake_expect_nothing();
		g_assert_cmpint(fake.closed, ==, 1);
	}
}

static void test_full(void)
{
	Handle handle = fake_open(&queue_records, O_WRONLY);

	fake_reset();
	fake.room = 1;
	g_assert_cmpint(fake_write_text(&handle, "1 1\na\n1 1\nb\n"), ==, 6);
	g_assert_cmpint(fake_write_text(&handle, "1 1\nb\n"), ==, -EAGAIN);
	/* Everything but the last newline can be taken; that sends, so it waits for room. */
	g_assert_cmpint(fake_write_text(&handle, "1 1\nb"), ==, 5);
	g_assert_cmpint(fake_write_text(&handle, "\n"), ==, -EAGAIN);
	g_assert_cmpint(fake_write_text(&handle, "\n1 1\nc\n"), ==, -EAGAIN);
	fake.room = 2;
	g_assert_cmpint(fake_write_text(&handle, "\n1 1\nc\n"), ==, 7);
	fake_expect(1, "a", 1);
	fake_expect(1, "b", 1);
	fake_expect(1, "c", 1);
	fake_expect_nothing();
	fake_close(&handle);
}

static void test_largest(void)
{
	Handle handle = fake_open(&queue_records, O_WRONLY);

	fake_reset();
	fake.largest = 3;
	g_assert_cmpint(fake_write_text(&handle, "1 3\nabc\n1 4\nabcd\n"), ==, 8);
	g_assert_cmpint(fake_write_text(&handle, "1 4\nabcd\n"), ==, -EMSGSIZE);
	g_assert_cmpint(fake_write_text(&handle, "1 3\ndef\n"), ==, 8);
	fake_expect(1, "abc", 3);
	fake_expect(1, "def", 3);
	fake_expect_nothing();
	fake_close(&handle);
}

static const char as_records[] = "1 3\none\n7 0\n\n1000000 8\n1 1\nx\n\n\n\n3 4\nlast\n";

static void put_messages(void)
{
	fake_reset();
	fake_put(1, "one", 3);
	fake_put(7, "", 0);
	fake_put(FAKE_MARK_MAX, "1 1\nx\n\n\n", 8);
	fake_put(3, "last", 4);
}

static void test_read_sizes(void)
{
	for (size_t size = 1; size <= 200; size++) {
		Handle handle = fake_open(&queue_records, O_RDONLY);
		g_autoptr(GString) all = NULL;

		put_messages();
		all = fake_read_all(&handle, size);
		g_assert_cmpmem(all->str, all->len, as_records, sizeof as_records - 1);
		fake_expect_nothing();
		fake_close(&handle);
	}
}

/* A reader takes no message from the queue before it has room for it. */
static void test_read_takes(void)
{
	for (size_t size = 1; size <= 200; size++) {
		Handle handle = fake_open(&queue_records, O_RDONLY);
		g_autofree char *buf = g_malloc(size);
		size_t taken;

		put_messages();
		g_assert_cmpint(queue_records.read(&handle, buf, size, NONBLOCK), >, 0);
		taken = 4 - g_queue_get_length(&fake.messages);
		g_assert_cmpuint(taken, >=, 1);
		if (handle.rest.length)
			g_assert_cmpuint(taken, ==, 1);
		fake_close(&handle);
	}
}

/* The records that one file prints can be written to another, with their marks. */
static void test_round_trip(void)
{
	static const int64_t marks[] = {FAKE_MARK_MIN, 2, 99, FAKE_MARK_MAX};
	Handle reader = fake_open(&queue_records, O_RDONLY), writer = fake_open(&queue_records, O_WRONLY);
	g_autoptr(GString) all = NULL;

	fake_reset();
	for (size_t i = 0; i < G_N_ELEMENTS(marks); i++)
		fake_put(marks[i], "x\n1 1\n", i);
	all = fake_read_all(&reader, 1000);
	fake_expect_nothing();
	g_assert_cmpint(fake_write(&writer, all->str, all->len), ==, all->len);
	for (size_t i = 0; i < G_N_ELEMENTS(marks); i++)
		fake_expect(marks[i], "x\n1 1\n", i);
	fake_expect_nothing();
	fake_close(&reader);
	fake_close(&writer);
}

static void test_print(void)
{
	g_autoptr(GString) out = g_string_new("before ");

	queue_print_record(out, INT64_MAX, "a\0b", 3);
	g_assert_cmpmem(out->str, out->len, "before 9223372036854775807 3\na\0b\n", 33);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/queue-records/any-cut", test_any_cut);
	g_test_add_func("/queue-records/bad", test_bad);
	g_test_add_func("/queue-records/bad-cut", test_bad_cut);
	g_test_add_func("/queue-records/bad-head", test_bad_head);
	g_test_add_func("/queue-records/later", test_later);
	g_test_add_func("/queue-records/unfinished", test_unfinished);
	g_test_add_func("/queue-records/full", test_full);
	g_test_add_func("/queue-records/largest", test_largest);
	g_test_add_func("/queue-records/read-sizes", test_read_sizes);
	g_test_add_func("/queue-records/read-takes", test_read_takes);
	g_test_add_func("/queue-records/round-trip", test_round_trip);
	g_test_add_func("/queue-records/print", test_print);
	return g_test_run();
}
