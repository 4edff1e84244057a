/* Refusals: notes of a thread, and the last refusal of each user. */
#include "backends/core/refusal.h"

#include <errno.h>

static char *printed(uid_t uid)
{
	GString *out = g_string_new(NULL);

	refusal_print(uid, out);
	return g_string_free(out, FALSE);
}

#define assert_printed(uid, expected)                 \
	do {                                          \
		g_autofree char *text = printed(uid); \
		g_assert_cmpstr(text, ==, expected);  \
	} while (0)

static void test_none(void)
{
	assert_printed(1000, "");
}

static void test_reason(void)
{
	g_assert_cmpint(refuse(ENOSPC, "%d queues exist", 7), ==, -ENOSPC);
	refusal_keep(1, "mkdir sysv/msg/x", ENOSPC);
	assert_printed(1, "mkdir sysv/msg/x: ENOSPC: 7 queues exist\n");
}

/* Without a note, the reason is the text of the errno. A note serves one refusal only. */
static void test_errno(void)
{
	refuse(ENOSPC, "full");
	refusal_keep(2, "mkdir a", ENOSPC);
	refusal_keep(2, "rmdir b", EPERM);
	assert_printed(2, "rmdir b: EPERM: Operation not permitted\n");
}

/* The caller must not take the daemon's EMFILE for its own. */
static void test_descriptor(void)
{
	refusal_forget();
	g_assert_cmpint(refuse_descriptor(ENOMEM), ==, -ENOMEM);
	g_assert_false(refusal_noted());
	g_assert_cmpint(refuse_descriptor(EMFILE), ==, -ENFILE);
	g_assert_true(refusal_noted());
	refusal_forget();
	g_assert_cmpint(refuse_descriptor(ENFILE), ==, -ENFILE);
	g_assert_true(refusal_noted());
	refusal_forget();
}

static void test_forget(void)
{
	refuse(ENOSPC, "full");
	refusal_forget();
	refusal_keep(3, "open c", EACCES);
	assert_printed(3, "open c: EACCES: Permission denied\n");
}

/* A refusal that follows from an earlier one does not replace its reason. */
static void test_repeat(void)
{
	refuse(EINVAL, "this is no record");
	refusal_keep(6, "write f", EINVAL);
	g_assert_cmpint(refusal_repeat(EINVAL), ==, -EINVAL);
	refusal_keep(6, "write f", EINVAL);
	assert_printed(6, "write f: EINVAL: this is no record\n");
	refusal_repeat(EINVAL);
	refuse(ENOSPC, "full");
	refusal_keep(6, "mkdir a", ENOSPC);
	assert_printed(6, "mkdir a: ENOSPC: full\n");
	refusal_keep(6, "rmdir b", EPERM);
	assert_printed(6, "rmdir b: EPERM: Operation not permitted\n");
}

static void test_users(void)
{
	refusal_keep(4, "open d", EACCES);
	refusal_keep((uid_t)-2, "open e", EPERM);
	assert_printed(4, "open d: EACCES: Permission denied\n");
	assert_printed((uid_t)-2, "open e: EPERM: Operation not permitted\n");
}

static void test_long(void)
{
	g_autofree char *longest = g_strnfill(100000, 'x');
	g_autofree char *text = NULL;

	refuse(EINVAL, "%s", longest);
	refusal_keep(5, "write f", EINVAL);
	text = printed(5);
	g_assert_true(g_str_has_prefix(text, "write f: EINVAL: xxx"));
	g_assert_true(g_str_has_suffix(text, "x\n"));
	g_assert_cmpuint(strlen(text), <, 1024);
}

static void *refuse_elsewhere(void *unused)
{
	refuse(EINVAL, "of the other thread");
	return unused;
}

static void test_threads(void)
{
	refuse(EINVAL, "of this thread");
	g_thread_join(g_thread_new(NULL, refuse_elsewhere, NULL));
	refusal_keep(6, "write g", EINVAL);
	assert_printed(6, "write g: EINVAL: of this thread\n");
}

/* The last refusal is kept, however many users had one before. */
static void test_many_users(void)
{
	for (uid_t uid = 100000; uid < 110000; uid++)
		refusal_keep(uid, "open h", EACCES);
	assert_printed(109999, "open h: EACCES: Permission denied\n");
	assert_printed(100000, "");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/refusal/none", test_none);
	g_test_add_func("/refusal/reason", test_reason);
	g_test_add_func("/refusal/errno", test_errno);
	g_test_add_func("/refusal/descriptor", test_descriptor);
	g_test_add_func("/refusal/forget", test_forget);
	g_test_add_func("/refusal/repeat", test_repeat);
	g_test_add_func("/refusal/users", test_users);
	g_test_add_func("/refusal/long", test_long);
	g_test_add_func("/refusal/threads", test_threads);
	g_test_add_func("/refusal/many-users", test_many_users);
	return g_test_run();
}
