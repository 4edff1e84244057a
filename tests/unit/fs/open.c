/* Unit tests of fs/open.c: permissions at open, and one inode for each writer. Read and poll of what is open. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "fs/operations.h"
#include "tests/unit/fs/fake_stream.h"

enum { USER = 1001, GROUP = 77 };

static int show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	(void)desc, (void)object, (void)caller;
	g_string_append(out, "text\n");
	return 0;
}

static int rights_asked; /* of the last permit() */

/* A member of GROUP may do everything, others may only read. */
static int permit(const void *context, const Object *object, const Caller *caller, int rights)
{
	(void)context, (void)object;
	rights_asked = rights;
	for (int i = 0; i < caller->ngroups; i++)
		if (caller->groups[i] == GROUP)
			return 0;
	return rights == RIGHT_READ ? 0 : -EACCES;
}

static int lookup_member(const void *context, const Object *directory, const char *name, Object *out)
{
	(void)context, (void)directory;
	*out = (Object){.id = 1};
	g_strlcpy(out->name, name, sizeof out->name);
	return 0;
}

static int stat_member(const void *context, const Object *object, ObjectStat *out)
{
	(void)context, (void)object;
	*out = (ObjectStat){.mode = 0666};
	return 0;
}

static ssize_t read_stream(Handle *handle, char *buf, size_t size, BlockMode block)
{
	(void)handle, (void)size, (void)block;
	memcpy(buf, "stream", 6);
	return 6;
}

static void wait_stream(Handle *handle, Direction direction, size_t size, Wait *out)
{
	(void)handle, (void)direction, (void)size;
	*out = (Wait){.how = WAIT_FD, .fd = -1};
}

static const TextOps text_ops = {.show = show};
static const StreamOps stream_ops = {.read = read_stream, .wait = wait_stream};
static const DirOps members = {.lookup = lookup_member, .stat = stat_member, .permit = permit};
static const FileDesc member_files[] = {
	{.name = "stream", .kind = STREAM, .mode = 0666, .stream = &stream_ops},
	{.name = "owned", .kind = TEXT, .mode = 0644, .text = &text_ops},
	{0},
};
static const FileDesc member = {.kind = DIRECTORY, .files = member_files};
static const FileDesc files[] = {
	{.name = "text", .kind = TEXT, .mode = 0444, .text = &text_ops},
	{.name = "sink", .kind = TEXT, .mode = 0222, .text = &text_ops},
	{.name = "stream", .kind = STREAM, .mode = 0666, .stream = &stream_ops},
	{.name = "objects", .kind = DIRECTORY, .mode = 0755, .members = &members, .member = &member},
	{0},
};
static const FileDesc root = {.kind = DIRECTORY, .mode = 0755, .files = files};

static fuse_ino_t look_up_as(fuse_ino_t parent, const char *name, pid_t thread)
{
	fuse_req_t req = fake_request(USER);

	req->ctx.pid = thread;
	on_lookup(req, parent, name);
	fake_expect_error(req, 0);
	return req->entry.ino;
}

static fuse_ino_t look_up(fuse_ino_t parent, const char *name)
{
	return look_up_as(parent, name, 1);
}

static fuse_ino_t object_file(const char *name)
{
	return look_up(look_up(look_up(FUSE_ROOT_ID, "objects"), "x"), name);
}

static fuse_req_t open_as(fuse_ino_t ino, int flags, pid_t thread)
{
	struct fuse_file_info info = {.flags = flags};
	fuse_req_t req = fake_request(USER);

	req->ctx.pid = thread;
	on_open(req, ino, &info);
	return req;
}

static fuse_req_t open_inode(fuse_ino_t ino, int flags)
{
	return open_as(ino, flags, 1);
}

static fuse_req_t with_file(fuse_req_t opened, struct fuse_file_info *info)
{
	*info = (struct fuse_file_info){.fh = fake_opened_slot(opened)};
	return fake_request(USER);
}

static void release(fuse_req_t opened)
{
	struct fuse_file_info info;
	fuse_req_t req = with_file(opened, &info);

	on_release(req, 0, &info);
	fake_expect_error(req, 0);
}

static void test_mode(void)
{
	fake_expect_error(open_inode(look_up(FUSE_ROOT_ID, "text"), O_WRONLY), EACCES);
	fake_expect_error(open_inode(look_up(FUSE_ROOT_ID, "text"), O_RDWR), EACCES);
	fake_expect_error(open_inode(look_up(FUSE_ROOT_ID, "sink"), O_RDONLY), EACCES);
	release(open_inode(look_up(FUSE_ROOT_ID, "text"), O_RDONLY));
	release(open_inode(look_up(FUSE_ROOT_ID, "sink"), O_WRONLY));
}

static void test_permit(void)
{
	struct fuse_file_info info = {.flags = O_WRONLY};
	fuse_req_t req = fake_request(USER);

	release(open_inode(object_file("stream"), O_RDONLY));
	g_assert_cmpint(rights_asked, ==, RIGHT_READ);
	fake_expect_error(open_inode(object_file("stream"), O_RDWR), EACCES);
	g_assert_cmpint(rights_asked, ==, RIGHT_READ | RIGHT_WRITE);
	fake_expect_error(open_inode(object_file("owned"), O_WRONLY), EACCES);
	g_assert_cmpint(rights_asked, ==, RIGHT_OWN);
	/* The groups of the caller decide. */
	req->groups[0] = GROUP;
	req->ngroups = 1;
	on_open(req, object_file("stream"), &info);
	release(req);
}

/* The second open for writing is sent to look again, and then has an inode of its own. */
static void test_writers(void)
{
	const fuse_ino_t shared = look_up(FUSE_ROOT_ID, "stream");
	fuse_req_t first = open_inode(shared, O_WRONLY), second;
	fuse_ino_t own;

	g_assert_cmpuint(fake_opened_slot(first), >, 0);
	release(open_as(shared, O_RDONLY, 2));
	fake_expect_error(open_as(shared, O_WRONLY, 2), ESTALE);
	own = look_up_as(FUSE_ROOT_ID, "stream", 2);
	g_assert_cmpuint(own, !=, shared);
	second = open_as(own, O_WRONLY, 2);
	release(second);
	release(first);
	/* Without a writer, the inode is found and granted again. */
	release(open_as(shared, O_WRONLY, 3));
}

static void test_read(void)
{
	fuse_req_t text = open_inode(look_up(FUSE_ROOT_ID, "text"), O_RDONLY);
	fuse_req_t stream = open_inode(look_up(FUSE_ROOT_ID, "stream"), O_RDONLY);
	struct fuse_file_info info;
	fuse_req_t req = with_file(text, &info);

	on_read(req, 0, 3, 1, &info);
	fake_expect_bytes(req, "ext");
	req = with_file(stream, &info);
	on_read(req, 0, 100, 0, &info);
	fake_expect_bytes(req, "stream");
	/* The next piece of the same read(2) gets no second message. */
	req = with_file(stream, &info);
	on_read(req, 0, 100, 6, &info);
	fake_expect_bytes(req, "");
	release(text);
	release(stream);
}

/* A file that never waits is always ready; it must not answer ENOSYS. */
static void test_poll(void)
{
	struct fuse_pollhandle *handle = fake_pollhandle();
	fuse_req_t text = open_inode(look_up(FUSE_ROOT_ID, "text"), O_RDONLY);
	struct fuse_file_info info;
	fuse_req_t req = with_file(text, &info);

	info.poll_events = POLLIN;
	on_poll(req, 0, &info, handle);
	fake_expect_error(req, 0);
	g_assert_true(req->events & POLLIN);
	g_assert_cmpint(handle->destroyed, ==, 1);
	release(text);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	fake_stream_start_at(&root);
	g_test_add_func("/open/the mode of a file holds for every user", test_mode);
	g_test_add_func("/open/the object permits the open, by the caller's groups if need be", test_permit);
	g_test_add_func("/open/each writer of a stream has an inode of its own", test_writers);
	g_test_add_func("/open/a read returns the bytes at the offset, or one message", test_read);
	g_test_add_func("/open/a text file is always ready", test_poll);
	return g_test_run();
}
