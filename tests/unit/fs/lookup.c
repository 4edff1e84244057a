/* Unit tests of fs/lookup.c: replies, how long they hold, and slow look-ups that are interrupted or stuck. */
#include "fs/lookup.h"

#include <errno.h>
#include <string.h>

#include "fs/operations.h"
#include "fs/reply.h"
#include "fs/wait/worker.h"
#include "tests/unit/fs/fake_fuse.h"

enum { USER = 1001, PATIENCE_US = 500 * 1000, TRIES = 20 };

static int looking; /* atomic: threads in a look-up that is held up */
static int held_up; /* atomic: look-ups of "held" do not return */

/* Finds "a", "b" and "held". */
static int lookup_member(const void *context, const Object *directory, const char *name, Object *out)
{
	(void)context, (void)directory;
	if (strcmp(name, "held") == 0) {
		g_atomic_int_inc(&looking);
		while (g_atomic_int_get(&held_up))
			g_usleep(500);
		g_atomic_int_add(&looking, -1);
	} else if (strcmp(name, "a") != 0 && strcmp(name, "b") != 0) {
		return -ENOENT;
	}
	*out = (Object){.id = name[0]};
	g_strlcpy(out->name, name, sizeof out->name);
	return 0;
}

static int stat_member(const void *context, const Object *object, ObjectStat *out)
{
	(void)context, (void)object;
	*out = (ObjectStat){.uid = USER, .mode = 0640};
	return 0;
}

static const DirOps quick = {.lookup = lookup_member, .stat = stat_member};
static const DirOps lasting = {.lookup = lookup_member, .stat = stat_member, .lasting = true};
static const DirOps slow = {.lookup = lookup_member, .stat = stat_member, .slow = true};
static const FileDesc member = {.kind = DIRECTORY};
static const FileDesc files[] = {
	{.name = "quick", .kind = DIRECTORY, .mode = 0755, .members = &quick, .member = &member},
	{.name = "lasting", .kind = DIRECTORY, .mode = 0755, .members = &lasting, .member = &member},
	{.name = "slow", .kind = DIRECTORY, .mode = 0755, .members = &slow, .member = &member},
	{0},
};
static const FileDesc root = {.kind = DIRECTORY, .mode = 0755, .files = files};

static fuse_req_t look_up(fuse_ino_t parent, const char *name)
{
	fuse_req_t req = fake_request(USER);

	on_lookup(req, parent, name);
	return req;
}

static fuse_ino_t directory(const char *name)
{
	fuse_req_t req = look_up(FUSE_ROOT_ID, name);

	fake_expect_error(req, 0);
	return req->entry.ino;
}

static void forget(fuse_ino_t ino, uint64_t lookups)
{
	on_forget(fake_request(USER), ino, lookups);
}

static void test_fixed(void)
{
	fuse_req_t req = look_up(FUSE_ROOT_ID, "quick");

	fake_expect_error(req, 0);
	g_assert_true(S_ISDIR(req->entry.attr.st_mode));
	/* The tree outside objects never changes. */
	g_assert_cmpfloat(req->entry.entry_timeout, >, 60);
	g_assert_cmpfloat(req->entry.attr_timeout, >, 60);
	fake_expect_error(look_up(FUSE_ROOT_ID, "absent"), ENOENT);
}

static void test_member(void)
{
	fuse_req_t req = look_up(directory("quick"), "a");

	fake_expect_error(req, 0);
	g_assert_cmpuint(req->entry.attr.st_uid, ==, USER);
	g_assert_cmpuint(req->entry.attr.st_mode & 0777, ==, 0750);
	g_assert_cmpfloat(req->entry.entry_timeout, ==, 0);
	fake_expect_error(look_up(directory("quick"), "c"), ENOENT);
	req = look_up(directory("lasting"), "a");
	g_assert_cmpfloat(req->entry.entry_timeout, >, 0);
}

static void test_same_inode(void)
{
	const fuse_ino_t parent = directory("quick");
	fuse_req_t first = look_up(parent, "a"), second = look_up(parent, "a"), other = look_up(parent, "b");

	g_assert_cmpuint(first->entry.ino, ==, second->entry.ino);
	g_assert_cmpuint(first->entry.ino, !=, other->entry.ino);
	g_assert_cmpuint(inode_get(first->entry.ino)->lookups, >=, 2);
	forget(other->entry.ino, 1);
}

/* The kernel never heard of the look-up: the inode is free again. */
static void test_gone(void)
{
	const fuse_ino_t parent = directory("quick");
	fuse_req_t gone = fake_request(USER), next;
	fuse_ino_t ino;

	ino = look_up(parent, "a")->entry.ino;
	forget(ino, inode_get(ino)->lookups);
	gone->gone = true;
	on_lookup(gone, parent, "a");
	next = look_up(parent, "b");
	g_assert_cmpuint(next->entry.ino, ==, gone->entry.ino);
	forget(next->entry.ino, 1);
}

static void test_slow(void)
{
	fuse_req_t req;
	int tries = 0;

	do {
		req = look_up(directory("slow"), "a");
		fake_await_reply(req);
	} while (req->error == ETIMEDOUT && ++tries < TRIES);
	fake_expect_error(req, 0);
	g_assert_cmpuint(req->entry.attr.st_uid, ==, USER);
	fake_expect_error(look_up(directory("slow"), "c"), ENOENT);
	g_assert_null(req->interrupt);
}

static void await_looking(int count)
{
	const gint64 limit = g_get_monotonic_time() + FAKE_LIMIT_MS * 1000;

	while (g_atomic_int_get(&looking) != count && g_get_monotonic_time() < limit)
		g_usleep(500);
	g_assert_cmpint(g_atomic_int_get(&looking), ==, count);
}

static void let_return(void)
{
	g_atomic_int_set(&held_up, 0);
	await_looking(0);
}

/*
 * Looks up "held", and returns while a worker is in that look-up. On a slow machine the look-up may have timed out by then, so
 * the caller tries again.
 */
static fuse_req_t look_up_held(void)
{
	fuse_req_t req;

	g_atomic_int_set(&held_up, 1);
	req = look_up(directory("slow"), "held");
	await_looking(1);
	return req;
}

static void test_slow_held_up(void)
{
	fuse_req_t req;
	int tries = 0;

	do {
		req = look_up_held();
		let_return();
		fake_await_reply(req);
	} while (req->error == ETIMEDOUT && ++tries < TRIES);
	fake_expect_error(req, 0);
}

static void test_slow_interrupted(void)
{
	fuse_req_t req;
	int tries = 0;

	do {
		req = look_up_held();
		fake_interrupt(req);
		fake_await_reply(req);
		g_assert_cmpint(g_atomic_int_get(&looking), ==, 1);
		/* The worker drops its result: a second reply would fail the test. */
		let_return();
	} while (req->error == ETIMEDOUT && ++tries < TRIES);
	fake_expect_error(req, EINTR);
}

/* Microseconds until a look-up that does not return times out. */
static gint64 time_out(void)
{
	const gint64 start = g_get_monotonic_time();

	g_atomic_int_set(&held_up, 1);
	fake_expect_error(look_up(directory("slow"), "held"), ETIMEDOUT);
	return g_get_monotonic_time() - start;
}

static void test_slow_stuck(void)
{
	gint64 first, second;
	int tries = 0;

	do {
		first = time_out();
		g_assert_cmpint(first, >=, PATIENCE_US);
		/* With a stuck look-up the user's next one gets half the time. */
		second = time_out();
		g_assert_cmpint(second, >=, PATIENCE_US / 2);
		await_looking(2);
		let_return();
	} while (second >= PATIENCE_US && ++tries < TRIES);
	g_assert_cmpint(second, <, PATIENCE_US);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	worker_start();
	reply_start(NULL);
	inode_start(&root);
	g_test_add_func("/lookup/a fixed name holds for long", test_fixed);
	g_test_add_func("/lookup/a member has the attributes of its object", test_member);
	g_test_add_func("/lookup/one name has one inode", test_same_inode);
	g_test_add_func("/lookup/a look-up whose caller is gone is forgotten", test_gone);
	g_test_add_func("/lookup/a slow look-up replies from a worker", test_slow);
	g_test_add_func("/lookup/a slow look-up that is held up replies when it returns", test_slow_held_up);
	g_test_add_func("/lookup/a slow look-up is interrupted", test_slow_interrupted);
	g_test_add_func("/lookup/a stuck look-up times out, and the next one sooner", test_slow_stuck);
	return g_test_run();
}
