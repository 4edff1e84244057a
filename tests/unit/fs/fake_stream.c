#include "tests/unit/fs/fake_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "backends/core/host.h"
#include "fs/reply.h"
#include "fs/wait/thread.h"
#include "fs/wait/worker.h"

struct FakeStream fake_stream = {.channel = {-1, -1}};
static int64_t serial; /* of the channel: part of each key */
static int released;   /* atomic: calls that no signal ends return */

static void fill_key(Direction direction, int64_t key[4])
{
	key[0] = 0xfa4e;
	key[1] = serial;
	key[2] = direction;
	key[3] = 0;
}

static int end_of(Direction direction)
{
	return fake_stream.channel[direction == READING ? 0 : 1];
}

/* Sleeps until the channel is ready. 0, or -EINTR. */
static int sleep_until_ready(FakeHow how, Direction direction)
{
	struct pollfd fd = {.fd = end_of(direction), .events = direction == READING ? POLLIN : POLLOUT};
	int n;

	g_atomic_int_inc(&fake_stream.sleeping);
	do
		n = poll(&fd, 1, how == FAKE_STUCK ? 10 : FAKE_LIMIT_MS);
	while (how == FAKE_STUCK && n <= 0 && !g_atomic_int_get(&released));
	g_atomic_int_add(&fake_stream.sleeping, -1);
	return n < 0 ? -EINTR : 0;
}

static void run_hook(void)
{
	void (*hook)(void) = fake_stream.after_read;

	fake_stream.after_read = NULL;
	if (hook)
		hook();
}

static ssize_t read_channel(Handle *handle, char *buf, size_t size, BlockMode block)
{
	ssize_t n = 0;

	g_atomic_int_inc(&fake_stream.reads);
	if (block != NONBLOCK && sleep_until_ready(handle->desc->which, READING) < 0)
		return -EINTR;
	if (handle->desc->which == FAKE_PIPE) {
		int64_t key[4];

		n = read(fake_stream.channel[0], buf, size);
		fill_key(WRITING, key);
		if (n < 0)
			n = (ssize_t)host_transfer_from_writer(key, fake_stream.channel[0], buf, size, 1);
		return n > 0 ? n : -EAGAIN;
	}
	n = read(fake_stream.channel[0], buf, size);
	if (n < 0)
		n = -errno;
	run_hook();
	return n;
}

static ssize_t write_channel(Handle *handle, const char *buf, size_t size, BlockMode block)
{
	ssize_t n;

	g_atomic_int_inc(&fake_stream.writes);
	if (block != NONBLOCK && sleep_until_ready(handle->desc->which, WRITING) < 0)
		return -EINTR;
	if (handle->desc->which == FAKE_PIPE) {
		int64_t key[4];
		size_t moved;

		fill_key(READING, key);
		moved = host_transfer_to_reader(key, fake_stream.channel[0], buf, size, 1);
		if (moved)
			return (ssize_t)moved;
	}
	n = write(fake_stream.channel[1], buf, size);
	return n < 0 ? -errno : n;
}

static int poll_channel(Handle *handle)
{
	struct pollfd in = {.fd = fake_stream.channel[0], .events = POLLIN};
	struct pollfd out = {.fd = fake_stream.channel[1], .events = POLLOUT};

	(void)handle;
	poll(&in, 1, 0);
	poll(&out, 1, 0);
	return in.revents | out.revents;
}

static int ready(const Wait *wait)
{
	return sleep_until_ready(FAKE_READY, (Direction)wait->key[2]);
}

static void get_wait(Handle *handle, Direction direction, size_t size, Wait *out)
{
	const FakeHow how = (FakeHow)handle->desc->which;

	(void)size;
	*out = (Wait){.how = WAIT_FD, .fd = -1};
	if (how == FAKE_READY)
		*out = (Wait){.how = WAIT_READY, .ready = ready};
	else if (how == FAKE_CALL || how == FAKE_STUCK)
		*out = (Wait){.how = WAIT_CALL, .visits = how == FAKE_STUCK};
	else if (how == FAKE_FD && direction != OPENING)
		*out = (Wait){
			.how = WAIT_FD, .fd = end_of(direction), .events = direction == READING ? EPOLLIN : EPOLLOUT};
	fill_key(direction, out->key);
}

static void other_end(Handle *handle, int64_t key[4])
{
	fill_key(handle_reads(handle) ? WRITING : READING, key);
}

static int open_stream(Handle *handle, BlockMode block)
{
	g_atomic_int_inc(&fake_stream.opens);
	if (block != NONBLOCK && sleep_until_ready(handle->desc->which, READING) < 0)
		return -EINTR;
	return fake_stream.refuses_open ? -EAGAIN : 0;
}

static int finish_stream(Handle *handle, BlockMode block)
{
	(void)handle, (void)block;
	g_atomic_int_inc(&fake_stream.finishes);
	return fake_stream.refuses_open ? -EAGAIN : 0;
}

static void close_stream(Handle *handle)
{
	(void)handle;
	g_atomic_int_inc(&fake_stream.closes);
}

static void cancel_open(Handle *handle)
{
	(void)handle;
	g_atomic_int_inc(&fake_stream.cancels);
}

static int give_up(Handle *handle, Direction direction, int error)
{
	(void)handle, (void)direction;
	g_atomic_int_inc(&fake_stream.give_ups);
	return error;
}

static const StreamOps stream_ops = {
	.open = open_stream,
	.read = read_channel,
	.write = write_channel,
	.poll = poll_channel,
	.wait = get_wait,
	.finish = finish_stream,
	.close = close_stream,
	.cancel = cancel_open,
	.give_up = give_up,
	.bytes = true,
};

static const StreamOps pipe_ops = {
	.read = read_channel,
	.write = write_channel,
	.poll = poll_channel,
	.wait = get_wait,
	.other_end = other_end,
	.close = close_stream,
	.bytes = true,
};

#define STREAM(text, how, operations)                                                           \
	{                                                                                       \
		.name = text, .kind = STREAM, .mode = 0666, .stream = &operations, .which = how \
	}

static const FileDesc files[] = {
	STREAM("fd", FAKE_FD, stream_ops),
	STREAM("key", FAKE_KEY, stream_ops),
	STREAM("ready", FAKE_READY, stream_ops),
	STREAM("call", FAKE_CALL, stream_ops),
	STREAM("stuck", FAKE_STUCK, stream_ops),
	STREAM("pipe", FAKE_PIPE, pipe_ops),
	{0},
};

static const FileDesc fake_root = {.kind = DIRECTORY, .mode = 0755, .files = files};

void fake_stream_start_at(const FileDesc *tree)
{
	worker_start();
	reply_start(NULL);
	inode_start(tree);
	file_start();
	watching_thread_start();
}

void fake_stream_start(void)
{
	fake_stream_start_at(&fake_root);
}

void fake_stream_reset(void)
{
	const struct FakeStream none = {.channel = {-1, -1}};
	const gint64 limit = g_get_monotonic_time() + FAKE_LIMIT_MS * 1000;

	/* The worker of the previous test may be about to end. */
	while (g_atomic_int_get(&fake_stream.sleeping) && g_get_monotonic_time() < limit)
		g_usleep(500);
	g_assert_cmpint(g_atomic_int_get(&fake_stream.sleeping), ==, 0);
	if (fake_stream.channel[0] >= 0) {
		close(fake_stream.channel[0]);
		close(fake_stream.channel[1]);
	}
	fake_stream = none;
	serial++;
	g_atomic_int_set(&released, 0);
	g_assert_cmpint(pipe2(fake_stream.channel, O_CLOEXEC | O_NONBLOCK), ==, 0);
	g_assert_cmpint(fcntl(fake_stream.channel[1], F_SETPIPE_SZ, 4096), >=, 4096);
}

void fake_fill(const char *bytes)
{
	g_assert_cmpint(write(fake_stream.channel[1], bytes, strlen(bytes)), ==, (ssize_t)strlen(bytes));
}

size_t fake_drain(char *bytes, size_t size)
{
	ssize_t n = read(fake_stream.channel[0], bytes, size);

	return n < 0 ? 0 : (size_t)n;
}

void fake_wake(void)
{
	for (int direction = READING; direction <= OPENING; direction++) {
		int64_t key[4];

		fill_key((Direction)direction, key);
		host_wake(key);
	}
}

void fake_release(void)
{
	g_atomic_int_set(&released, 1);
}

File *fake_file(FakeHow how, int flags)
{
	Inode *root = inode_get(FUSE_ROOT_ID);
	const Dirent dirent = inode_fixed(root, &files[how - 1]);
	const Caller caller = {.uid = 1001, .gid = 1001, .pid = 1};
	Inode *inode = inode_enter(root, &dirent, caller.uid, caller.pid);
	File *file = file_new(inode, flags, &caller, NULL);

	g_assert_nonnull(file);
	return file;
}

void fake_reach(const int *counter, int value)
{
	const gint64 limit = g_get_monotonic_time() + FAKE_LIMIT_MS * 1000;

	while (g_atomic_int_get(counter) < value && g_get_monotonic_time() < limit)
		g_usleep(500);
	g_assert_cmpint(g_atomic_int_get(counter), >=, value);
}
