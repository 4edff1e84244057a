/* Parsing of numbers, sizes and keys. */
#include "backends/core/parse.h"

#include <glib.h>

enum { UNTOUCHED = 4711 };

typedef struct Case {
	const char *text;
	int64_t min, max;
	bool good;
	int64_t value;
} Case;

static void check_number(bool (*parse)(const char *, int64_t, int64_t, int64_t *), const Case *expected)
{
	int64_t value = UNTOUCHED;

	g_test_message("'%s'", expected->text);
	g_assert_cmpint(parse(expected->text, expected->min, expected->max, &value), ==, expected->good);
	g_assert_cmpint(value, ==, expected->good ? expected->value : UNTOUCHED);
}

static void test_number(void)
{
	static const Case cases[] = {
		{"0", 0, 10, true, 0},
		{"10", 0, 10, true, 10},
		{"11", 0, 10, false, 0},
		{"4", 5, 10, false, 0},
		{"007", 0, 10, true, 7},
		{"-3", -5, 10, true, -3},
		{"-6", -5, 10, false, 0},
		{"-3", 0, 10, false, 0},
		{"-", -5, 10, false, 0},
		{"--3", -5, 10, false, 0},
		{"+3", -5, 10, false, 0},
		{"", -5, 10, false, 0},
		{" 3", 0, 10, false, 0},
		{"3 ", 0, 10, false, 0},
		{"3\n", 0, 10, false, 0},
		{"3x", 0, 10, false, 0},
		{"0x3", 0, 10, false, 0},
		{"9223372036854775807", 0, INT64_MAX, true, INT64_MAX},
		{"9223372036854775808", 0, INT64_MAX, false, 0},
		{"-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN},
		{"-9223372036854775809", INT64_MIN, INT64_MAX, false, 0},
		{"18446744073709551617", 0, INT64_MAX, false, 0},
		{"99999999999999999999", 0, INT64_MAX, false, 0},
		{"000000000000000000000000000001", 0, 10, false, 0}, /* more digits than the longest number */
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		check_number(parse_number, &cases[i]);
}

static void test_size(void)
{
	static const Case cases[] = {
		{"0", 0, INT64_MAX, true, 0},
		{"512", 0, INT64_MAX, true, 512},
		{"1K", 0, INT64_MAX, true, 1024},
		{"1k", 0, INT64_MAX, true, 1024},
		{"64M", 0, INT64_MAX, true, 64 << 20},
		{"3G", 0, INT64_MAX, true, INT64_C(3) << 30},
		{"2T", 0, INT64_MAX, true, INT64_C(2) << 40},
		{"8388607T", 0, INT64_MAX, true, INT64_C(8388607) << 40},
		{"8388608T", 0, INT64_MAX, false, 0},
		{"2K", 0, 2048, true, 2048},
		{"2K", 0, 2047, false, 0},
		{"1K", 2048, 4096, false, 0},
		{"K", 0, INT64_MAX, false, 0},
		{"", 0, INT64_MAX, false, 0},
		{"1KK", 0, INT64_MAX, false, 0},
		{"1 K", 0, INT64_MAX, false, 0},
		{"1KB", 0, INT64_MAX, false, 0},
		{"1P", 0, INT64_MAX, false, 0},
		{"-1K", -4096, INT64_MAX, false, 0},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		check_number(parse_size, &cases[i]);
}

/* parse_digits() must not read past the given length. */
static void test_digits(void)
{
	static const char three[3] = {'1', '2', '3'};
	int64_t value = UNTOUCHED;

	g_assert_true(parse_digits(three, 3, 0, INT64_MAX, &value));
	g_assert_cmpint(value, ==, 123);
	g_assert_true(parse_digits(three, 2, 0, INT64_MAX, &value));
	g_assert_cmpint(value, ==, 12);
	g_assert_false(parse_digits(three, 0, 0, INT64_MAX, &value));
	g_assert_false(parse_digits("1\0002", 3, 0, INT64_MAX, &value));
	g_assert_cmpint(value, ==, 12);
}

static void test_key(void)
{
	static const char *const bad[] = {"",     "0x",   "0X1",   "1234",        "x1",   "0xg",
					  "0x1 ", " 0x1", "0x1\n", "0x123456789", "0x-1", "00x1"};
	uint32_t key = UNTOUCHED;

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_test_message("'%s'", bad[i]);
		g_assert_false(parse_key(bad[i], &key));
		g_assert_cmpuint(key, ==, UNTOUCHED);
	}
	g_assert_true(parse_key("0x0", &key));
	g_assert_cmpuint(key, ==, 0);
	g_assert_true(parse_key("0x162e", &key));
	g_assert_cmpuint(key, ==, 0x162e);
	g_assert_true(parse_key("0x0000162E", &key));
	g_assert_cmpuint(key, ==, 0x162e);
	g_assert_true(parse_key("0xffffffff", &key));
	g_assert_cmpuint(key, ==, 0xffffffff);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/parse/number", test_number);
	g_test_add_func("/parse/digits", test_digits);
	g_test_add_func("/parse/size", test_size);
	g_test_add_func("/parse/key", test_key);
	return g_test_run();
}
