/*
 * Unit tests of fs/inode.c on the real tree. They use fixed names, and queues that need not exist in the kernel,
 * because the inode table does not ask the mechanism.
 */
#include "backends/tree.h"
#include "fs/inode.h"

#include <errno.h>
#include <string.h>

static Inode *root;

enum { USER = 1001 };

static Inode *enter_as_user_and_thread(Inode *directory, const char *name, uid_t uid, pid_t thread)
{
	Dirent dirent;
	Inode *inode;

	g_assert_cmpint(inode_find(directory, name, &dirent), ==, 0);
	inode = inode_enter(directory, &dirent, uid, thread);
	g_assert_nonnull(inode);
	return inode;
}

static Inode *enter_as(Inode *directory, const char *name, uid_t uid)
{
	return enter_as_user_and_thread(directory, name, uid, 1);
}

static Inode *enter_as_thread(Inode *directory, const char *name, pid_t thread)
{
	return enter_as_user_and_thread(directory, name, USER, thread);
}

static Inode *enter(Inode *directory, const char *name)
{
	return enter_as(directory, name, USER);
}

/* Enters the directory of a queue, as a look-up does after the mechanism has found an object with this id and name. */
static Inode *enter_queue(Inode *msg, int64_t id, const char *name)
{
	Object object = {.id = id};
	Dirent dirent;
	Inode *inode;

	g_strlcpy(object.name, name, sizeof object.name);
	dirent = inode_member(msg, &object);
	inode = inode_enter(msg, &dirent, USER, 1);
	g_assert_nonnull(inode);
	return inode;
}

static void assert_path(Inode *inode, const char *name, const char *expected)
{
	g_autofree char *path = inode_path(inode, name);

	g_assert_cmpstr(path, ==, expected);
}

static void test_find(void)
{
	Dirent dirent = {0};

	g_assert_cmpint(inode_find(root, "README", &dirent), ==, 0);
	g_assert_cmpint(dirent.desc->kind, ==, TEXT);
	g_assert_cmpint(inode_find(root, "sysv", &dirent), ==, 0);
	g_assert_cmpint(dirent.desc->kind, ==, DIRECTORY);
	g_assert_cmpint(inode_find(root, "nothing", &dirent), ==, -ENOENT);
	g_assert_cmpint(inode_find(root, "", &dirent), ==, -ENOENT);
	g_assert_cmpint(inode_find(root, "sysvx", &dirent), ==, -ENOENT);
}

/* Look-ups of one name return the same inode, until the kernel has forgotten all of them. */
static void test_enter(void)
{
	Inode *sysv = enter(root, "sysv");
	uint32_t slot = sysv->slot;

	g_assert_true(inode_get(slot) == sysv);
	g_assert_true(enter(root, "sysv") == sysv);
	g_assert_cmpuint(sysv->lookups, ==, 2);
	g_assert_true(enter(root, "README") != sysv);
	inode_forget(sysv, 1);
	g_assert_true(enter(root, "sysv") == sysv);
	inode_forget(sysv, 2);
	g_assert_true(enter(root, "why") == inode_get(slot)); /* the slot is free */
	g_assert_true(enter(root, "sysv") != inode_get(slot));
}

static void test_holds_parent(void)
{
	Inode *sysv = enter(root, "sysv"), *msg;
	uint32_t refs;

	inode_forget(sysv, sysv->lookups);
	refs = root->refs;
	sysv = enter(root, "sysv");
	msg = enter(sysv, "msg");
	inode_forget(sysv, 1);
	assert_path(msg, NULL, "sysv/msg");
	g_assert_true(enter(root, "sysv") == sysv);
	inode_forget(sysv, 1);
	inode_ref(msg);
	inode_forget(msg, 1);
	assert_path(msg, "jobs", "sysv/msg/jobs");
	inode_unref(msg);
	/* Both inodes have been freed. To forget more look-ups than there were is harmless. */
	sysv = enter(root, "sysv");
	inode_forget(sysv, 1000);
	g_assert_cmpuint(root->refs, ==, refs);
	g_assert_cmpuint(root->lookups, ==, 1);
}

/* A look-up returns no inode of a stream that is open for writing, and none of a stream that another user looked up. */
static void test_streams(void)
{
	Inode *msg = enter(enter(root, "sysv"), "msg"), *queue = enter_queue(msg, 7, "jobs");
	Inode *data = enter(queue, "data"), *second, *third, *fourth;

	assert_path(data, NULL, "sysv/msg/jobs/data");
	g_assert_true(enter(queue, "data") == data);
	g_assert_true(enter_as(queue, "data", USER + 1) != data);
	g_assert_true(enter_as(queue, "status", USER + 1) == enter(queue, "status"));

	g_assert_true(inode_claim_writer(data, 1));
	second = enter(queue, "data");
	g_assert_true(second != data);
	g_assert_true(enter(queue, "data") == second);
	g_assert_true(inode_claim_writer(second, 1));
	third = enter(queue, "data");
	g_assert_true(third != data && third != second);

	/* Two threads race to claim one inode. The next look-up of the second thread returns an inode for it alone. */
	g_assert_true(inode_claim_writer(third, 1));
	g_assert_false(inode_claim_writer(third, 2));
	fourth = enter_as_thread(queue, "data", 2);
	g_assert_true(fourth != enter_as_thread(queue, "data", 3));
	g_assert_true(enter(queue, "lines") != enter(queue, "data"));
	g_assert_true(inode_claim_writer(fourth, 2));
	g_assert_true(enter_as_thread(queue, "data", 2) == enter_as_thread(queue, "data", 3));

	/* After its writer has closed, look-ups return an inode again, unless they return another one by then. */
	inode_forget(enter(queue, "data"), 100);
	inode_release_writer(data);
	g_assert_true(enter(queue, "data") == data);
	inode_release_writer(second);
	g_assert_true(enter(queue, "data") == data);
}

/* st_ino depends on the file, not on the inode of the table. */
static void test_inode_number(void)
{
	Inode *msg = enter(enter(root, "sysv"), "msg"), *queue = enter_queue(msg, 8, "numbers");
	Dirent dirent;
	struct stat first, second;

	g_assert_cmpint(inode_find(queue, "data", &dirent), ==, 0);
	dirent_fill_stat(&dirent, NULL, &first);
	g_assert_cmpint(inode_find(queue, "data", &dirent), ==, 0);
	dirent_fill_stat(&dirent, NULL, &second);
	g_assert_cmpuint(first.st_ino, ==, second.st_ino);
	g_assert_cmpint(inode_find(queue, "lines", &dirent), ==, 0);
	dirent_fill_stat(&dirent, NULL, &second);
	g_assert_cmpuint(first.st_ino, !=, second.st_ino);
}

/* If a name stands for a new object, look-ups return a new inode. */
static void test_replaced(void)
{
	Inode *msg = enter(enter(root, "sysv"), "msg");
	Inode *old = enter_queue(msg, 1, "again"), *new = enter_queue(msg, 2, "again");

	g_assert_true(old != new);
	g_assert_true(enter_queue(msg, 1, "again") == old);
	g_assert_true(enter_queue(msg, 2, "again") == new);
}

static void test_rename(void)
{
	Inode *msg = enter(enter(root, "sysv"), "msg"), *queue = enter_queue(msg, 3, "before");
	const Object object = inode_object(queue);
	const Dirent dirent = inode_member(msg, &object);

	inode_rename(msg, &dirent, "after");
	assert_path(queue, NULL, "sysv/msg/after");
	g_assert_true(enter_queue(msg, 3, "after") == queue);
	g_assert_true(enter_queue(msg, 3, "before") != queue);
	g_assert_cmpstr(inode_object(queue).name, ==, "after");
}

static void test_members(void)
{
	Inode *msg = enter(enter(root, "sysv"), "msg"), *queue = enter_queue(msg, 4, "member");

	g_assert_nonnull(inode_members(queue));
	g_assert_null(inode_members(msg));
	g_assert_null(inode_members(root));
	g_assert_null(inode_members(enter(queue, "data")));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	inode_start(&tree_root);
	root = inode_get(FUSE_ROOT_ID);
	g_test_add_func("/inode/find", test_find);
	g_test_add_func("/inode/enter", test_enter);
	g_test_add_func("/inode/holds-parent", test_holds_parent);
	g_test_add_func("/inode/streams", test_streams);
	g_test_add_func("/inode/inode-number", test_inode_number);
	g_test_add_func("/inode/replaced", test_replaced);
	g_test_add_func("/inode/rename", test_rename);
	g_test_add_func("/inode/members", test_members);
	return g_test_run();
}
