#include "tests/unit/backends/common/fake_queue.h"

#include "backends/core/host.h"

#include <errno.h>
#include <string.h>

FakeQueue fake;

static void message_free(void *data)
{
	Message *message = data;

	g_string_free(message->bytes, TRUE);
	g_free(message);
}

void fake_reset(void)
{
	const HostSettings settings = {.names = "/nowhere", .largest = FAKE_WHOLE_WRITE};

	host_configure(&settings);
	g_queue_clear_full(&fake.messages, message_free);
	fake.largest = 100;
	fake.room = -1;
	fake.fails = 0;
	fake.mark = 1;
	fake.ends = false;
	fake.closed = 0;
}

void fake_put(int64_t mark, const char *bytes, size_t length)
{
	Message *message = g_new(Message, 1);

	*message = (Message){.mark = mark, .bytes = g_string_new_len(bytes, (gssize)length)};
	g_queue_push_tail(&fake.messages, message);
}

void fake_expect(int64_t mark, const char *bytes, size_t length)
{
	Message *message = g_queue_pop_head(&fake.messages);

	g_assert_nonnull(message);
	g_assert_cmpmem(message->bytes->str, message->bytes->len, bytes, length);
	g_assert_cmpint(message->mark, ==, mark);
	message_free(message);
}

void fake_expect_text(const char *text)
{
	fake_expect(fake.mark, text, strlen(text));
}

void fake_expect_nothing(void)
{
	g_assert_cmpuint(g_queue_get_length(&fake.messages), ==, 0);
}

/* -- The queue ------------------------------------------------------------------------------------------------------ */

static ssize_t fake_receive(Handle *handle, char *buf, size_t room, Mark *mark, BlockMode block)
{
	Message *message = g_queue_peek_head(&fake.messages);
	size_t length;

	g_assert_cmpint(block, ==, NONBLOCK);
	if (fake.fails)
		return fake.fails;
	if (!message)
		return fake.ends ? -ENODATA : -EAGAIN;
	length = message->bytes->len;
	if (length > room)
		return -E2BIG;
	memcpy(buf, message->bytes->str, length);
	mark->number = message->mark;
	message_free(g_queue_pop_head(&fake.messages));
	return (ssize_t)length;
}

static int fake_send(Handle *handle, const Mark *mark, const char *bytes, size_t length, BlockMode block)
{
	if (fake.fails)
		return fake.fails;
	if (length > fake.largest)
		return -EMSGSIZE;
	if (fake.room == 0)
		return -EAGAIN;
	if (fake.room > 0)
		fake.room--;
	fake_put(mark->number, bytes, length);
	return 0;
}

static ssize_t fake_largest(Handle *handle)
{
	return (ssize_t)fake.largest;
}

static int64_t fake_queued(Handle *handle)
{
	return fake.fails ? fake.fails : (int64_t)g_queue_get_length(&fake.messages);
}

static void fake_mark(const Handle *handle, Mark *out)
{
	out->number = fake.mark;
}

static int fake_poll(Handle *handle)
{
	return 0;
}

static void count_close(Handle *handle)
{
	fake.closed++;
}

static const Queue fake_kind = {
	.receive = fake_receive,
	.send = fake_send,
	.largest = fake_largest,
	.queued = fake_queued,
	.mark = fake_mark,
	.mark_name = "MARK",
	.mark_min = FAKE_MARK_MIN,
	.mark_max = FAKE_MARK_MAX,
	.poll = fake_poll,
	.close = count_close,
};

/* -- Its files ------------------------------------------------------------------------------------------------------ */

Handle fake_open(const StreamOps *ops, int flags)
{
	static FileDesc files[5];
	FileDesc *desc = files;

	while (desc->stream && desc->stream != ops)
		desc++;
	*desc = (FileDesc){.name = "file", .kind = STREAM, .mode = 0666, .stream = ops, .mechanism = &fake_kind};
	return (Handle){.desc = desc, .flags = flags};
}

void fake_close(Handle *handle)
{
	handle->desc->stream->close(handle);
	buffer_clear(&handle->rest);
	buffer_clear(&handle->unsent);
}

ssize_t fake_write(Handle *handle, const char *bytes, size_t length)
{
	/* A copy that ends where it says, so that a look behind it does not go unseen. */
	g_autofree char *copy = g_memdup2(bytes, length);
	size_t done = 0;

	while (done < length) {
		ssize_t n = handle->desc->stream->write(handle, copy + done, length - done, NONBLOCK);

		g_assert_cmpint(n, !=, 0);
		if (n < 0)
			return done ? (ssize_t)done : n;
		done += (size_t)n;
		g_assert_cmpuint(done, <=, length);
	}
	return (ssize_t)done;
}

ssize_t fake_write_text(Handle *handle, const char *text)
{
	return fake_write(handle, text, strlen(text));
}

void fake_expect_read(Handle *handle, size_t size, const char *expected)
{
	g_autofree char *buf = g_malloc(size);
	ssize_t n = handle->desc->stream->read(handle, buf, size, NONBLOCK);

	g_assert_cmpint(n, >=, 0);
	g_assert_cmpmem(buf, (size_t)n, expected, strlen(expected));
}

GString *fake_read_all(Handle *handle, size_t size)
{
	g_autofree char *buf = g_malloc(size);
	GString *all = g_string_new(NULL);
	ssize_t n;

	while ((n = handle->desc->stream->read(handle, buf, size, NONBLOCK)) > 0) {
		g_assert_cmpint(n, <=, size);
		g_string_append_len(all, buf, n);
	}
	g_assert_true(n == 0 || n == -EAGAIN);
	return all;
}

/* -- Any cut -------------------------------------------------------------------------------------------------------- */

/* Writes one piece; a full queue gets room for one or two messages whenever it refuses. */
static void write_piece(Handle *handle, const char *piece, size_t length)
{
	size_t done = 0;

	while (done < length) {
		ssize_t n = fake_write(handle, piece + done, length - done);

		if (n == -EAGAIN) {
			g_assert_cmpint(fake.room, ==, 0);
			fake.room = g_test_rand_int_range(1, 3);
			continue;
		}
		g_assert_cmpint(n, >, 0);
		done += (size_t)n;
	}
}

/* `cuts`: where the pieces begin, `n` of them, in order. */
static void write_cut(const StreamOps *ops, const char *input, size_t length, const size_t *cuts, size_t n,
		      void (*check)(void))
{
	for (int full = 0; full < 2; full++) {
		Handle handle;
		size_t start = 0;

		fake_reset();
		fake.room = full ? 0 : -1;
		handle = fake_open(ops, O_WRONLY);
		for (size_t i = 0; i <= n; i++) {
			size_t end = i < n ? cuts[i] : length;

			write_piece(&handle, input + start, end - start);
			start = end;
		}
		if (ops->finish) {
			if (fake.room == 0)
				fake.room = 1;
			g_assert_cmpint(ops->finish(&handle, NONBLOCK), ==, 0);
		}
		fake_close(&handle);
		check();
	}
}

static int compare_sizes(gconstpointer a, gconstpointer b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return x < y ? -1 : x > y;
}

void fake_write_any_cut(const StreamOps *ops, const char *input, size_t length, void (*check)(void))
{
	enum { RANDOM = 500, MOST = 32 };
	g_autofree size_t *each = g_new(size_t, length + 1);

	for (size_t i = 0; i <= length; i++)
		each[i] = i;
	write_cut(ops, input, length, each, 0, check);
	write_cut(ops, input, length, each, length, check);
	for (size_t i = 0; i <= length; i++)
		for (size_t k = i; k <= length; k++)
			write_cut(ops, input, length, (size_t[]){i, k}, 2, check);
	for (int round = 0; round < RANDOM; round++) {
		size_t cuts[MOST];
		size_t n = (size_t)g_test_rand_int_range(1, MOST + 1);

		for (size_t i = 0; i < n; i++)
			cuts[i] = (size_t)g_test_rand_int_range(0, (gint32)length + 1);
		qsort(cuts, n, sizeof cuts[0], compare_sizes);
		write_cut(ops, input, length, cuts, n, check);
	}
}
