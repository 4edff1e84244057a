/* Credentials: the ids of a thread before, during and after an override. Most tests need root. */
#include "backends/core/credentials.h"

#include <errno.h>
#include <grp.h>
#include <unistd.h>

#include <glib.h>

static const gid_t groups[] = {3001, 3002};
static const Caller caller = {.uid = 1001, .gid = 2001, .groups = groups, .ngroups = G_N_ELEMENTS(groups)};

/* Only root can take the ids of other users. */
static bool skipped(void)
{
	if (getuid() == 0)
		return false;
	g_test_skip("needs root");
	return true;
}

static void assert_ids(uid_t uid, gid_t gid, int ngroups)
{
	uid_t real, effective, saved;
	gid_t list[16];

	g_assert_cmpint(getresuid(&real, &effective, &saved), ==, 0);
	g_assert_cmpuint(effective, ==, uid);
	/* The caller must not be able to signal this thread. */
	g_assert_cmpuint(real, ==, 0);
	g_assert_cmpuint(saved, ==, 0);
	g_assert_cmpuint(getegid(), ==, gid);
	g_assert_cmpint(getgroups(G_N_ELEMENTS(list), list), ==, ngroups);
	for (int i = 0; i < ngroups; i++)
		g_assert_cmpuint(list[i], ==, groups[i]);
}

static void assert_caller(void)
{
	assert_ids(caller.uid, caller.gid, caller.ngroups);
}

static void assert_daemon(void)
{
	assert_ids(0, 0, 0);
}

static void test_assume(void)
{
	if (skipped())
		return;
	g_assert_cmpint(creds_override(&caller), ==, 0);
	assert_caller();
	creds_revert();
	assert_daemon();
	creds_revert();
	assert_daemon();
}

static void test_root(void)
{
	const Caller root = {0};

	if (skipped())
		return;
	g_assert_cmpint(creds_override(&root), ==, 0);
	assert_daemon();
	creds_raise();
	creds_lower();
	creds_revert();
	assert_daemon();
}

static void test_suspend(void)
{
	if (skipped())
		return;
	g_assert_cmpint(creds_override(&caller), ==, 0);
	creds_raise();
	assert_daemon();
	creds_raise();
	assert_daemon();
	creds_lower();
	assert_daemon();
	creds_lower();
	assert_caller();
	creds_raise();
	assert_daemon();
	creds_lower();
	assert_caller();
	creds_revert();
	assert_daemon();
}

/* creds_raise() and creds_lower() do nothing without an override. */
static void test_suspend_nothing(void)
{
	if (skipped())
		return;
	creds_raise();
	assert_daemon();
	creds_lower();
	assert_daemon();
	g_assert_cmpint(creds_override(&caller), ==, 0);
	creds_raise();
	assert_daemon();
	creds_lower();
	assert_caller();
	creds_revert();
}

/* After the kernel has refused the groups, the thread has the daemon's ids. */
static void test_refused(void)
{
	g_autofree gid_t *many = g_new0(gid_t, 65537);
	const Caller crowded = {.uid = 1001, .gid = 2001, .groups = many, .ngroups = 65537};

	if (skipped())
		return;
	g_assert_cmpint(creds_override(&crowded), ==, -EINVAL);
	assert_daemon();
	g_assert_cmpint(creds_override(&caller), ==, 0);
	assert_caller();
	creds_revert();
}

static void *look(void *unused)
{
	assert_daemon();
	return unused;
}

static void *look_when_told(void *told)
{
	while (!g_atomic_int_get((int *)told))
		g_thread_yield();
	return look(NULL);
}

/* An override of one thread does not change the others. */
static void test_threads(void)
{
	int told = 0;
	GThread *other;

	if (skipped())
		return;
	other = g_thread_new(NULL, look_when_told, &told);
	g_assert_cmpint(creds_override(&caller), ==, 0);
	g_atomic_int_set(&told, 1);
	g_thread_join(other);
	assert_caller();
	creds_revert();
	g_thread_join(g_thread_new(NULL, look, NULL));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	if (getuid() == 0 && setgroups(0, NULL))
		g_error("cannot drop root's supplementary groups");
	g_test_add_func("/identity/assume", test_assume);
	g_test_add_func("/identity/root", test_root);
	g_test_add_func("/identity/suspend", test_suspend);
	g_test_add_func("/identity/suspend-nothing", test_suspend_nothing);
	g_test_add_func("/identity/refused", test_refused);
	g_test_add_func("/identity/threads", test_threads);
	return g_test_run();
}
