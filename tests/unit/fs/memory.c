/* Unit tests of fs/memory.c: passthrough shared by opens, sizes, and memory that was removed or recreated. */
#include "fs/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fs/operations.h"
#include "tests/unit/fs/fake_stream.h"

enum { SIZE = 4096, BACKING = 7 };

static int memory = -1; /* the object: a memfd */
static bool removed;    /* it has no name */
static off_t resized;   /* the last size that resize() was asked for; -1: none */

static int backing(const Object *object, int flags)
{
	(void)object, (void)flags;
	return removed ? -ENOENT : fcntl(memory, F_DUPFD_CLOEXEC, 0);
}

static int resize(const Object *object, int fd, off_t size)
{
	(void)object, (void)fd;
	resized = size;
	return ftruncate(memory, size) < 0 ? -errno : 0;
}

static int stat_object(const void *context, const Object *object, ObjectStat *out)
{
	struct stat st;

	(void)context, (void)object;
	if (removed || fstat(memory, &st) < 0)
		return -ENOENT;
	*out = (ObjectStat){.uid = getuid(), .mode = 0600, .size = st.st_size};
	return 0;
}

static int lookup_object(const void *context, const Object *directory, const char *name, Object *out)
{
	(void)context, (void)directory;
	*out = (Object){.id = name[0] == 'b' ? 2 : 1};
	g_strlcpy(out->name, name, sizeof out->name);
	return 0;
}

static const MemoryOps plain_ops = {.backing = backing, .resize = resize};
static const MemoryOps bounded_ops = {.backing = backing, .resize = resize, .bounded = true};
static const DirOps members = {.lookup = lookup_object, .stat = stat_object};
static const FileDesc plain = {.kind = MEMORY, .mode = 0666, .memory = &plain_ops};
static const FileDesc bounded = {.kind = MEMORY, .mode = 0666, .memory = &bounded_ops};
static const FileDesc files[] = {
	{.name = "plain", .kind = DIRECTORY, .mode = 0755, .members = &members, .member = &plain},
	{.name = "bounded", .kind = DIRECTORY, .mode = 0755, .members = &members, .member = &bounded},
	{0},
};
static const FileDesc root = {.kind = DIRECTORY, .mode = 0755, .files = files};

static fuse_req_t request(void)
{
	fuse_req_t req = fake_request(getuid());

	req->ctx.gid = getgid();
	return req;
}

static fuse_ino_t look_up(const char *kind, const char *name)
{
	fuse_req_t directory = request(), req = request();

	on_lookup(directory, FUSE_ROOT_ID, kind);
	on_lookup(req, directory->entry.ino, name);
	fake_expect_error(req, 0);
	return req->entry.ino;
}

/* A new object of SIZE bytes under every name. */
static void make_object(void)
{
	if (memory >= 0)
		close(memory);
	memory = memfd_create("memory", MFD_CLOEXEC);
	g_assert_cmpint(ftruncate(memory, SIZE), ==, 0);
	removed = false;
	resized = -1;
	fake_passthroughs = 0;
}

static fuse_req_t open_inode(fuse_ino_t ino, int flags)
{
	struct fuse_file_info info = {.flags = flags};
	fuse_req_t req = request();

	on_open(req, ino, &info);
	return req;
}

/* Releases; the last release of an inode closes its backing id, which a log message shows, since there is no session. */
static void release(fuse_req_t opened, bool last)
{
	fuse_req_t req = request();

	if (last && opened->file.backing_id)
		g_test_expect_message(NULL, G_LOG_LEVEL_WARNING, "*passthrough*");
	on_release(req, 0, &opened->file);
	g_test_assert_expected_messages();
	fake_expect_error(req, 0);
}

static fuse_req_t set_size(fuse_ino_t ino, off_t size, struct fuse_file_info *info)
{
	struct stat attributes = {.st_size = size};
	fuse_req_t req = request();

	on_setattr(req, ino, &attributes, FUSE_SET_ATTR_SIZE, info);
	return req;
}

static void test_shared(void)
{
	fuse_ino_t ino;
	fuse_req_t first, second;

	make_object();
	ino = look_up("plain", "a");
	first = open_inode(ino, O_RDWR);
	second = open_inode(ino, O_RDONLY);
	fake_expect_error(second, 0);
	g_assert_cmpint(first->file.backing_id, ==, BACKING);
	g_assert_cmpint(second->file.backing_id, ==, BACKING);
	g_assert_false(first->file.direct_io);
	g_assert_cmpint(fake_passthroughs, ==, 1);
	/* Each open by name has an inode of its own. */
	g_assert_cmpuint(look_up("plain", "a"), !=, ino);
	release(first, false);
	release(second, true);
}

/* One inode cannot have the memory of two objects. */
static void test_recreated(void)
{
	fuse_ino_t ino;
	fuse_req_t first;

	make_object();
	ino = look_up("plain", "a");
	first = open_inode(ino, O_RDWR);
	make_object();
	fake_expect_error(open_inode(ino, O_RDWR), ESTALE);
	release(first, true);
}

static void test_not_passed(void)
{
	fuse_req_t opened, req = request();

	make_object();
	fake_backing = 0;
	opened = open_inode(look_up("plain", "a"), O_RDWR);
	fake_expect_error(opened, 0);
	g_assert_true(opened->file.direct_io);
	on_write(req, 0, "hello", 5, 10, &opened->file);
	fake_expect_size(req, 5);
	req = request();
	on_read(req, 0, 5, 10, &opened->file);
	fake_expect_bytes(req, "hello");
	release(opened, false);
	fake_backing = BACKING;
}

/* Writes of bounded memory come to the daemon, which lets none extend it. */
static void test_bounded(void)
{
	fuse_req_t reader, writer, req = request();
	struct stat st;

	make_object();
	reader = open_inode(look_up("bounded", "a"), O_RDONLY);
	writer = open_inode(look_up("bounded", "b"), O_RDWR);
	g_assert_false(reader->file.direct_io);
	g_assert_true(writer->file.direct_io);
	on_write(req, 0, "hello", 5, SIZE - 2, &writer->file);
	fake_expect_size(req, 2);
	req = request();
	on_write(req, 0, "hello", 5, SIZE, &writer->file);
	fake_expect_error(req, ENOSPC);
	g_assert_cmpint(fstat(memory, &st), ==, 0);
	g_assert_cmpint(st.st_size, ==, SIZE);
	release(reader, true);
	release(writer, true);
}

static void test_truncate(void)
{
	fuse_req_t opened;
	fuse_ino_t ino;

	make_object();
	ino = look_up("plain", "a");
	fake_expect_error(set_size(ino, 0, NULL), 0);
	g_assert_cmpint(resized, ==, 0);
	resized = -1;
	opened = open_inode(ino, O_RDWR | O_TRUNC);
	fake_expect_error(set_size(ino, 0, NULL), 0);
	g_assert_cmpint(resized, ==, -1);
	/* ftruncate(2) */
	fake_expect_error(set_size(ino, SIZE * 2, &opened->file), 0);
	g_assert_cmpint(resized, ==, SIZE * 2);
	release(opened, true);
}

/* A bounded object is recreated for its new size: a descriptor that may be mapped cannot follow. */
static void test_truncate_mapped(void)
{
	fuse_req_t opened;
	fuse_ino_t ino;

	make_object();
	ino = look_up("bounded", "a");
	opened = open_inode(ino, O_RDWR);
	fake_expect_error(set_size(ino, SIZE * 2, &opened->file), EBUSY);
	fake_expect_error(set_size(ino, SIZE, &opened->file), 0);
	g_assert_cmpint(resized, ==, -1);
	release(opened, true);
}

static void test_removed(void)
{
	fuse_req_t opened, req = request();
	fuse_ino_t ino;

	make_object();
	ino = look_up("plain", "a");
	opened = open_inode(ino, O_RDONLY);
	removed = true;
	on_getattr(req, ino, NULL);
	fake_expect_error(req, 0);
	g_assert_cmpint(req->attributes.st_size, ==, SIZE);
	release(opened, true);
	req = request();
	on_getattr(req, ino, NULL);
	fake_expect_error(req, ENOENT);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	fake_stream_start_at(&root);
	memory_start(true);
	fake_backing = BACKING;
	g_test_add_func("/memory/opens of one inode share its passthrough", test_shared);
	g_test_add_func("/memory/an inode of recreated memory is stale", test_recreated);
	g_test_add_func("/memory/memory that is not passed through is read and written", test_not_passed);
	g_test_add_func("/memory/no write extends bounded memory", test_bounded);
	g_test_add_func("/memory/truncate changes the size, and O_TRUNC does not", test_truncate);
	g_test_add_func("/memory/bounded memory that may be mapped keeps its size", test_truncate_mapped);
	g_test_add_func("/memory/memory that was removed has attributes while it is open", test_removed);
	return g_test_run();
}
