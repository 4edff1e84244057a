/* Quotas: charging and releasing, and the limits of users and of root. */
#include "backends/core/quota.h"

#include <errno.h>

#include "backends/core/refusal.h"

enum { USER = 1000, SECOND_USER = 1001 };

static void test_limit(void)
{
	Quota quota = {.what = "things", .remedy = "drop some", .error = ENOSPC, .user_max = 2};

	refusal_forget();
	g_assert_cmpint(quota_charge(&quota, USER, 1), ==, 0);
	g_assert_cmpint(quota_charge(&quota, USER, 1), ==, 0);
	g_assert_false(refusal_noted());
	g_assert_cmpint(quota_charge(&quota, USER, 1), ==, -ENOSPC);
	g_assert_cmpstr(refusal_note(), ==, "limit reached: 2 things per user: drop some");
	g_assert_cmpint(quota_used(&quota, USER), ==, 2);
	g_assert_cmpint(quota_charge(&quota, SECOND_USER, 2), ==, 0);
	g_assert_cmpint(quota_charge(&quota, 0, 1000), ==, 0);
	quota_release(&quota, USER, 1);
	g_assert_cmpint(quota_charge(&quota, USER, 1), ==, 0);
}

static void test_empty(void)
{
	Quota quota = {.error = ENOSPC, .user_max = 5};

	g_assert_cmpint(quota_used(&quota, USER), ==, 0);
	g_assert_cmpint(quota_charge(&quota, USER, 5), ==, 0);
	quota_release(&quota, USER, 5);
	g_assert_cmpint(quota_used(&quota, USER), ==, 0);
	g_assert_cmpuint(g_hash_table_size(quota.used), ==, 0);
}

static void test_own_limit(void)
{
	Quota quota = {0};

	g_assert_true(quota_try(&quota, USER, INT64_MAX, INT64_MAX));
	g_assert_false(quota_try(&quota, USER, 1, INT64_MAX));
	quota_release(&quota, USER, INT64_MAX - 10);
	g_assert_false(quota_try(&quota, USER, 1, 10));
	g_assert_false(quota_try(&quota, USER, 0, 9));
	g_assert_true(quota_try(&quota, USER, 1, 11));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/quota/a user at the limit is refused, other users and root are not", test_limit);
	g_test_add_func("/quota/a user who has released everything takes no memory", test_empty);
	g_test_add_func("/quota/a limit of the caller's own", test_own_limit);
	return g_test_run();
}
