/* Printing of numbers and times. */
#include "backends/core/text.h"

static void test_number(void)
{
	g_autoptr(GString) out = g_string_new("before ");

	text_number(out, -12345678901234);
	g_assert_cmpstr(out->str, ==, "before -12345678901234\n");
}

static void test_label(void)
{
	g_autoptr(GString) out = g_string_new(NULL);

	text_label(out, "Qnum");
	text_number(out, 7);
	g_assert_cmpstr(out->str, ==, "Qnum:\t7\n");
}

static void test_time(void)
{
	g_autoptr(GString) out = g_string_new(NULL);

	text_time(out, 0);
	g_assert_cmpstr(out->str, ==, "never\n");

	g_string_truncate(out, 0);
	text_time(out, 1795222923);
	g_assert_cmpstr(out->str, ==, "2026-11-21T02:02:03+0100\n");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	/* A time zone one hour east of Greenwich. */
	g_setenv("TZ", "TST-1", TRUE);
	tzset();
	g_test_add_func("/text/number", test_number);
	g_test_add_func("/text/label", test_label);
	g_test_add_func("/text/time", test_time);
	return g_test_run();
}
