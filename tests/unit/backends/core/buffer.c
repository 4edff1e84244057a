/* Buffers: appending and taking bytes. */
#include "backends/core/buffer.h"

#include <string.h>

#include <glib.h>

static void test_empty(void)
{
	Buffer buffer = {0};
	char out = 'x';

	g_assert_cmpuint(buffer_take(&buffer, &out, 1), ==, 0);
	g_assert_cmpuint(buffer_take(&buffer, NULL, 1), ==, 0);
	buffer_append(&buffer, NULL, 0);
	g_assert_null(buffer.data);
	g_assert_cmpint(out, ==, 'x');
	buffer_clear(&buffer);
	buffer_clear(&buffer);
}

static void test_order(void)
{
	Buffer buffer = {0};
	char out[8] = "";

	buffer_append(&buffer, "abc", 3);
	buffer_append(&buffer, "defg", 4);
	g_assert_cmpuint(buffer_take(&buffer, out, 2), ==, 2);
	g_assert_cmpmem(out, 2, "ab", 2);
	g_assert_cmpuint(buffer_take(&buffer, NULL, 1), ==, 1);
	g_assert_cmpmem(buffer_bytes(&buffer), buffer.length, "defg", 4);
	buffer_append(&buffer, "hi", 2);
	g_assert_cmpuint(buffer_take(&buffer, out, sizeof out), ==, 6);
	g_assert_cmpmem(out, 6, "defghi", 6);
	g_assert_cmpuint(buffer.length, ==, 0);
	buffer_clear(&buffer);
}

static void test_clear(void)
{
	Buffer buffer = {0};

	buffer_append(&buffer, "abc", 3);
	buffer_take(&buffer, NULL, 1);
	buffer_clear(&buffer);
	g_assert_null(buffer.data);
	g_assert_cmpuint(buffer.start + buffer.length + buffer.room, ==, 0);
	buffer_append(&buffer, "d", 1);
	g_assert_cmpmem(buffer_bytes(&buffer), buffer.length, "d", 1);
	buffer_clear(&buffer);
}

/* Bytes are appended and taken in pieces of any length. Taken bytes must not occupy memory for ever. */
static void test_random(void)
{
	enum { ROUNDS = 20000, PIECE = 100 };
	Buffer buffer = {0};
	unsigned char next_in = 0, next_out = 0;
	size_t most = 0;

	for (int i = 0; i < ROUNDS; i++) {
		char piece[PIECE];
		size_t n = (size_t)g_test_rand_int_range(0, PIECE + 1);

		if (buffer.length < 10 * PIECE && g_test_rand_bit()) {
			for (size_t k = 0; k < n; k++)
				piece[k] = (char)next_in++;
			buffer_append(&buffer, piece, n);
		} else {
			n = buffer_take(&buffer, piece, n);
			for (size_t k = 0; k < n; k++)
				g_assert_cmpint((unsigned char)piece[k], ==, next_out++);
		}
		most = MAX(most, buffer.room);
	}
	g_assert_cmpuint(buffer.length % 256, ==, (unsigned char)(next_in - next_out));
	g_assert_cmpuint(most, <=, 2 * 11 * PIECE);
	buffer_clear(&buffer);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/buffer/empty", test_empty);
	g_test_add_func("/buffer/order", test_order);
	g_test_add_func("/buffer/clear", test_clear);
	g_test_add_func("/buffer/random", test_random);
	return g_test_run();
}
