/* Nodes of the tree as it is; only names that need no object of the kernel's. */
#include "fs/node.h"
#include "backends/tree.h"

#include <errno.h>
#include <string.h>

static Node *root;

enum { USER = 1001 };

static Node *enter_by(Node *directory, const char *name, uid_t uid, pid_t thread)
{
	Found found;
	Node *node;

	g_assert_cmpint(node_find(directory, name, &found), ==, 0);
	node = node_enter(directory, &found, uid, thread);
	g_assert_nonnull(node);
	return node;
}

static Node *enter_as(Node *directory, const char *name, uid_t uid)
{
	return enter_by(directory, name, uid, 1);
}

static Node *enter_as_thread(Node *directory, const char *name, pid_t thread)
{
	return enter_by(directory, name, USER, thread);
}

static Node *enter(Node *directory, const char *name)
{
	return enter_as(directory, name, USER);
}

/* A queue's directory, as if one with this id and name had been found. */
static Node *enter_queue(Node *msg, int64_t id, const char *name)
{
	Object object = {.id = id};
	Found found;
	Node *node;

	g_strlcpy(object.name, name, sizeof object.name);
	found = node_member(msg, &object);
	node = node_enter(msg, &found, USER, 1);
	g_assert_nonnull(node);
	return node;
}

static void assert_path(Node *node, const char *name, const char *expected)
{
	g_autofree char *path = node_path(node, name);

	g_assert_cmpstr(path, ==, expected);
}

static void test_find(void)
{
	Found found = {0};

	g_assert_cmpint(node_find(root, "README", &found), ==, 0);
	g_assert_cmpint(found.desc->kind, ==, TEXT);
	g_assert_cmpint(node_find(root, "sysv", &found), ==, 0);
	g_assert_cmpint(found.desc->kind, ==, DIRECTORY);
	g_assert_cmpint(node_find(root, "nothing", &found), ==, -ENOENT);
	g_assert_cmpint(node_find(root, "", &found), ==, -ENOENT);
	g_assert_cmpint(node_find(root, "sysvx", &found), ==, -ENOENT);
}

/* One node for one name, until the kernel has forgotten all its look-ups. */
static void test_enter(void)
{
	Node *sysv = enter(root, "sysv");
	uint32_t slot = sysv->slot;

	g_assert_true(node_get(slot) == sysv);
	g_assert_true(enter(root, "sysv") == sysv);
	g_assert_cmpuint(sysv->lookups, ==, 2);
	g_assert_true(enter(root, "README") != sysv);
	node_forget(sysv, 1);
	g_assert_true(enter(root, "sysv") == sysv);
	node_forget(sysv, 2);
	g_assert_true(enter(root, "why") == node_get(slot)); /* the slot is free */
	g_assert_true(enter(root, "sysv") != node_get(slot));
}

static void test_holds_parent(void)
{
	Node *sysv = enter(root, "sysv"), *msg;
	uint32_t refs;

	node_forget(sysv, sysv->lookups);
	refs = root->refs;
	sysv = enter(root, "sysv");
	msg = enter(sysv, "msg");
	node_forget(sysv, 1);
	assert_path(msg, NULL, "sysv/msg");
	g_assert_true(enter(root, "sysv") == sysv);
	node_forget(sysv, 1);
	node_ref(msg);
	node_forget(msg, 1);
	assert_path(msg, "jobs", "sysv/msg/jobs");
	node_unref(msg);
	/* Both have ended; forgetting more than there were look-ups does no harm either. */
	sysv = enter(root, "sysv");
	node_forget(sysv, 1000);
	g_assert_cmpuint(root->refs, ==, refs);
	g_assert_cmpuint(root->lookups, ==, 1);
}

/* A stream file that is open for writing is given to nobody else, nor any to another user. */
static void test_streams(void)
{
	Node *msg = enter(enter(root, "sysv"), "msg"), *queue = enter_queue(msg, 7, "jobs");
	Node *data = enter(queue, "data"), *second, *third, *fourth;

	assert_path(data, NULL, "sysv/msg/jobs/data");
	g_assert_true(enter(queue, "data") == data);
	g_assert_true(enter_as(queue, "data", USER + 1) != data);
	g_assert_true(enter_as(queue, "status", USER + 1) == enter(queue, "status"));

	g_assert_true(node_writer_begin(data, 1));
	second = enter(queue, "data");
	g_assert_true(second != data);
	g_assert_true(enter(queue, "data") == second);
	g_assert_true(node_writer_begin(second, 1));
	third = enter(queue, "data");
	g_assert_true(third != data && third != second);

	/* Of two threads that race for one, the second gets one for itself alone at its next look-up. */
	g_assert_true(node_writer_begin(third, 1));
	g_assert_false(node_writer_begin(third, 2));
	fourth = enter_as_thread(queue, "data", 2);
	g_assert_true(fourth != enter_as_thread(queue, "data", 3));
	g_assert_true(enter(queue, "lines") != enter(queue, "data"));
	g_assert_true(node_writer_begin(fourth, 2));
	g_assert_true(enter_as_thread(queue, "data", 2) == enter_as_thread(queue, "data", 3));

	/* One whose writer has gone is as good as any other; the one that is found already stays. */
	node_forget(enter(queue, "data"), 100);
	node_writer_end(data);
	g_assert_true(enter(queue, "data") == data);
	node_writer_end(second);
	g_assert_true(enter(queue, "data") == data);
}

/* Whatever node it has, a file is one thing to whoever looks at its inode number. */
static void test_inode_number(void)
{
	Node *msg = enter(enter(root, "sysv"), "msg"), *queue = enter_queue(msg, 8, "numbers");
	Found found;
	struct stat first, second;

	g_assert_cmpint(node_find(queue, "data", &found), ==, 0);
	node_fill_stat(&found, NULL, &first);
	g_assert_cmpint(node_find(queue, "data", &found), ==, 0);
	node_fill_stat(&found, NULL, &second);
	g_assert_cmpuint(first.st_ino, ==, second.st_ino);
	g_assert_cmpint(node_find(queue, "lines", &found), ==, 0);
	node_fill_stat(&found, NULL, &second);
	g_assert_cmpuint(first.st_ino, !=, second.st_ino);
}

/* A name that now stands for another object is another node. */
static void test_replaced(void)
{
	Node *msg = enter(enter(root, "sysv"), "msg");
	Node *old = enter_queue(msg, 1, "again"), *new = enter_queue(msg, 2, "again");

	g_assert_true(old != new);
	g_assert_true(enter_queue(msg, 1, "again") == old);
	g_assert_true(enter_queue(msg, 2, "again") == new);
}

static void test_rename(void)
{
	Node *msg = enter(enter(root, "sysv"), "msg"), *queue = enter_queue(msg, 3, "before");
	const Object object = node_object(queue);
	const Found found = node_member(msg, &object);

	node_rename(msg, &found, "after");
	assert_path(queue, NULL, "sysv/msg/after");
	g_assert_true(enter_queue(msg, 3, "after") == queue);
	g_assert_true(enter_queue(msg, 3, "before") != queue);
	g_assert_cmpstr(node_object(queue).name, ==, "after");
}

static void test_members(void)
{
	Node *msg = enter(enter(root, "sysv"), "msg"), *queue = enter_queue(msg, 4, "member");

	g_assert_nonnull(node_is_member(queue));
	g_assert_null(node_is_member(msg));
	g_assert_null(node_is_member(root));
	g_assert_null(node_is_member(enter(queue, "data")));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	node_start(&tree_root);
	root = node_get(FUSE_ROOT_ID);
	g_test_add_func("/node/find", test_find);
	g_test_add_func("/node/enter", test_enter);
	g_test_add_func("/node/holds-parent", test_holds_parent);
	g_test_add_func("/node/streams", test_streams);
	g_test_add_func("/node/inode-number", test_inode_number);
	g_test_add_func("/node/replaced", test_replaced);
	g_test_add_func("/node/rename", test_rename);
	g_test_add_func("/node/members", test_members);
	return g_test_run();
}
