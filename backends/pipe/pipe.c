/*
 * pipe: anonymous pipes that have a name here.
 *
 * A pipe is made with pipe2(2) and the daemon keeps both ends, so its bytes stay while nobody has it open. `write` and `read`
 * are opened any number of times; end of file and the broken pipe follow from how many have them open.
 *
 * Which end has gone, and which has not come yet. As with a FIFO in the kernel (fs/pipe.c, w_counter), this is a matter
 * of each open file: it has *met* the other end once that was open together with it, or, for a reader, once it got bytes that
 * somebody left. Before, it waits for its partner: a reader of an empty pipe sleeps, a writer may fill the pipe. Afterwards
 * the pipe is at its end for it whenever the other end is open nowhere.
 *
 * Room. A pipe is writable for poll(2) when a page of its ring is free, and then takes any write up to PIPE_BUF whole. A
 * smaller write may go into the rest of the last page without that; but one that got EAGAIN has found no such rest, and none
 * appears before a page is freed.
 *
 * Waiting needs no descriptor, since nobody else has the pipe: whatever is waited for is done here. Each read and write lets
 * those at the other end go on (other_end), the rest wakes them (pipe_wake()). Bytes that somebody waits for do not even
 * pass through the pipe (handover.h).
 *
 * Locking: `lock`, "the pipe lock", guards the counts of every pipe and the budgets. It is held for a few instructions, never
 * over a system call or host_wake().
 */
#include "backends/pipe/pipe.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "backends/core/host.h"
#include "backends/core/credentials.h"
#include "backends/pipe/quota.h"
#include "backends/core/refusal.h"

enum {
	PIPES_USER = 256,  /* two descriptors of the daemon each */
	FALLBACK_PAGES = 2 /* the kernel's PIPE_MIN_DEF_BUFFERS: what a user above the soft limit gets */
};

static GMutex lock;

/* Handle.state. MET: protected by the pipe lock. */
enum { STATE_ENTRY, STATE_SEEN, STATE_MET };

static void pipe_end(Entry *entry);

Registry pipe_table = {.what = "pipes", .end = pipe_end, .user_max = PIPES_USER};

/* -- Objects -------------------------------------------------------------------------------------------------------- */

static void pipe_free(Pipe *pipe)
{
	g_mutex_lock(&lock);
	pipe_budget_add(pipe->user, -pipe->room);
	g_mutex_unlock(&lock);
	close(pipe->ends[READING]);
	close(pipe->ends[WRITING]);
	g_free(pipe);
}

static void pipe_end(Entry *entry)
{
	pipe_free(entry->data);
}

/* Sets a new pipe to the capacity that its maker would get from pipe(2) and charges it. 0, or -ENFILE: none at all. */
static int pipe_charge(Pipe *pipe)
{
	const int64_t page = sysconf(_SC_PAGESIZE), fallback = FALLBACK_PAGES * page;
	const PipeLimits limits = pipe_limits_read();
	int64_t given = fcntl(pipe->ends[WRITING], F_GETPIPE_SZ), room;
	int result = 0;

	g_mutex_lock(&lock);
	room = given;
	if (pipe->user != 0) {
		room = MIN(room, limits.largest);
		if (pipe_budget_used(pipe->user) + room > limits.soft)
			room = MIN(room, fallback);
		if (pipe_budget_used(pipe->user) + room > limits.hard)
			result = -ENFILE;
	}
	if (result == 0)
		pipe_budget_add(pipe->user, room);
	g_mutex_unlock(&lock);
	pipe->room = result == 0 ? room : 0;
	if (result < 0)
		return refuse(ENFILE, "your pipes hold all of what pipe-user-pages-hard allows");
	if (room != given)
		fcntl(pipe->ends[WRITING], F_SETPIPE_SZ, (int)room);
	return 0;
}

/* As the daemon, whose descriptors and limits they are; the maker's own limits are looked at here. */
static int pipe_new(Pipe **out)
{
	Pipe *pipe = g_new0(Pipe, 1);
	int result;

	pipe->user = geteuid();
	creds_raise();
	result = pipe2(pipe->ends, O_NONBLOCK | O_CLOEXEC) < 0 ? -errno : 0;
	creds_lower();
	if (result < 0) {
		g_free(pipe);
		return refuse(-result, "the daemon gets no pipe: %s", g_strerror(-result));
	}
	result = pipe_charge(pipe);
	if (result < 0)
		pipe_free(pipe);
	else
		*out = pipe;
	return result;
}

int64_t pipe_queued(const Pipe *pipe)
{
	int bytes = 0;

	ioctl(pipe->ends[READING], FIONREAD, &bytes);
	return bytes;
}

int64_t pipe_open_files(const Pipe *pipe, Direction direction)
{
	int64_t count;

	g_mutex_lock(&lock);
	count = pipe->open[direction];
	g_mutex_unlock(&lock);
	return count;
}

/* What the kernel makes of a size: whole pages, and of these a power of two. */
static int64_t round_size(int64_t bytes)
{
	int64_t size = sysconf(_SC_PAGESIZE);

	while (size < bytes)
		size *= 2;
	return size;
}

int pipe_resize(Pipe *pipe, int64_t bytes)
{
	const PipeLimits limits = pipe_limits_read();
	const int64_t wanted = round_size(bytes);
	int64_t before, others;
	bool privileged = geteuid() == 0;
	int given;

	g_mutex_lock(&lock);
	before = pipe->room;
	others = pipe_budget_used(pipe->user) - before;
	g_mutex_unlock(&lock);
	if (!privileged && wanted > before && wanted > limits.largest)
		return refuse(EPERM, "limits/pipe_max_size is %lld", (long long)limits.largest);
	if (!privileged && wanted > before && others + wanted > MIN(limits.soft, limits.hard))
		return refuse(EPERM, "all pipes of a user together may have %lld bytes (pipe-user-pages-soft)",
			      (long long)MIN(limits.soft, limits.hard));
	creds_raise();
	given = fcntl(pipe->ends[WRITING], F_SETPIPE_SZ, (unsigned)wanted);
	if (given < 0)
		given = -errno;
	creds_lower();
	if (given == -EBUSY)
		return refuse(EBUSY, "more bytes are queued than that");
	if (given == -EPERM)
		return refuse(EPERM, "above limits/pipe_max_size only with CAP_SYS_RESOURCE");
	if (given < 0)
		return given;
	g_mutex_lock(&lock);
	pipe_budget_add(pipe->user, given - pipe->room);
	pipe->room = given;
	g_mutex_unlock(&lock);
	return 0;
}

/* -- Waiting -------------------------------------------------------------------------------------------------------- */

enum { KEY_TABLE, KEY_ID, KEY_SIDE, KEY_WHAT };

static void fill_key(int64_t id, Direction side, Direction what, int64_t key[4])
{
	key[KEY_TABLE] = (int64_t)(intptr_t)&pipe_table;
	key[KEY_ID] = id;
	key[KEY_SIDE] = side;
	key[KEY_WHAT] = what;
}

void pipe_wake(const Entry *entry, Direction side)
{
	int64_t key[4];

	fill_key(entry->id, side, side, key);
	host_wake(key);
	fill_key(entry->id, side, HANGUP, key);
	host_wake(key);
}

static Direction side_of(const Handle *handle)
{
	return handle_reads(handle) ? READING : WRITING;
}

static Entry *entry_of(const Handle *handle)
{
	return (Entry *)(intptr_t)handle->state[STATE_ENTRY];
}

static Pipe *pipe_of(const Handle *handle)
{
	return entry_of(handle)->data;
}

static void wait_for(Handle *handle, Direction direction, size_t size, Wait *out)
{
	/* Nobody else has these descriptors: whatever happens to the pipe is done here, and other_end() tells of it. */
	*out = (Wait){.how = WAIT_FD, .fd = -1};
	fill_key(entry_of(handle)->id, side_of(handle), direction, out->key);
}

static void other_end(Handle *handle, int64_t key[4])
{
	const Direction other = handle_reads(handle) ? WRITING : READING;

	fill_key(entry_of(handle)->id, other, other, key);
}

/* -- The ends ------------------------------------------------------------------------------------------------------- */

static int end_open(Handle *handle, BlockMode block)
{
	const Direction side = side_of(handle), other = side == READING ? WRITING : READING;
	Entry *entry = registry_get(&pipe_table, handle->object.id);
	Pipe *pipe = entry ? entry->data : NULL;
	bool gone;

	if (!entry)
		return -ENOENT;
	if (handle->flags & O_DIRECT) {
		entry_unref(&pipe_table, entry);
		return refuse(EINVAL, "a pipe here carries bytes: there is no packet mode (O_DIRECT)");
	}
	g_mutex_lock(&lock);
	gone = pipe->removed;
	if (!gone) {
		pipe->open[side]++;
		pipe->ever[side]++;
		handle->state[STATE_ENTRY] = (int64_t)(intptr_t)entry;
		handle->state[STATE_SEEN] = pipe->ever[other];
		handle->state[STATE_MET] = pipe->open[other] > 0;
	}
	g_mutex_unlock(&lock);
	if (gone)
		entry_unref(&pipe_table, entry);
	return gone ? -ENOENT : 0;
}

static void end_close(Handle *handle)
{
	const Direction side = side_of(handle), other = side == READING ? WRITING : READING;
	Entry *entry = entry_of(handle);
	Pipe *pipe = entry->data;
	bool last;

	g_mutex_lock(&lock);
	last = --pipe->open[side] == 0;
	g_mutex_unlock(&lock);
	if (last)
		pipe_wake(entry, other);
	entry_unref(&pipe_table, entry);
}

/* The other end has been there, and is open nowhere now; or the pipe was removed. */
static bool abandoned(Handle *handle)
{
	const Direction other = handle_reads(handle) ? WRITING : READING;
	const Pipe *pipe = pipe_of(handle);
	bool is;

	g_mutex_lock(&lock);
	is = pipe->removed ||
	     (pipe->open[other] == 0 && (handle->state[STATE_MET] || pipe->ever[other] != handle->state[STATE_SEEN]));
	g_mutex_unlock(&lock);
	return is;
}

static ssize_t end_read(Handle *handle, char *buf, size_t size, BlockMode block)
{
	/* Asked first: a writer that comes, writes and goes after the try must not be taken for one that had gone before. */
	bool over = abandoned(handle);
	const int fd = pipe_of(handle)->ends[READING];
	ssize_t n = read(fd, buf, size);

	if (n < 0 && errno != EAGAIN)
		return -errno;
	n = MAX(n, 0);
	if (n < (ssize_t)size) {
		int64_t key[4];

		other_end(handle, key);
		n += (ssize_t)host_transfer_from_writer(key, fd, buf + n, size - (size_t)n, PIPE_BUF);
	}
	if (n == 0)
		return over ? 0 : -EAGAIN;
	if (!handle->state[STATE_MET]) {
		g_mutex_lock(&lock);
		handle->state[STATE_MET] = true;
		g_mutex_unlock(&lock);
	}
	entry_touch(entry_of(handle));
	return n;
}

static ssize_t end_write(Handle *handle, const char *buf, size_t size, BlockMode block)
{
	const int fd = pipe_of(handle)->ends[WRITING];
	int64_t key[4];
	ssize_t n;

	if (abandoned(handle))
		return -EPIPE;
	other_end(handle, key);
	n = (ssize_t)host_transfer_to_reader(key, fd, buf, size, PIPE_BUF);
	if (n == 0)
		n = write(fd, buf, size);
	if (n < 0)
		return -errno;
	entry_touch(entry_of(handle));
	return n;
}

/* As the kernel's pipe_poll(). */
static int end_poll(Handle *handle)
{
	const bool reads = handle_reads(handle);
	struct pollfd fd = {.fd = pipe_of(handle)->ends[side_of(handle)], .events = reads ? POLLIN : POLLOUT};
	int events = abandoned(handle) ? (reads ? POLLHUP : POLLERR) : 0;

	if (poll(&fd, 1, 0) == 1 && (fd.revents & fd.events))
		events |= reads ? POLLIN | POLLRDNORM : POLLOUT | POLLWRNORM;
	return events;
}

static const StreamOps end_ops = {
	.open = end_open,
	.read = end_read,
	.write = end_write,
	.poll = end_poll,
	.wait = wait_for,
	.other_end = other_end,
	.close = end_close,
	.part_signals = true,
	.bytes = true,
};

/* -- The directory -------------------------------------------------------------------------------------------------- */

static int pipe_create(const void *context, const Object *at, const char *name, mode_t mode, Object *out)
{
	Pipe *pipe = NULL;
	int result = pipe_new(&pipe);

	if (result < 0)
		return result;
	result = registry_create(&pipe_table, name, mode, pipe, out);
	if (result < 0)
		pipe_free(pipe);
	return result;
}

/* Readers get the rest and then the end of file, writers EPIPE. */
static int pipe_remove(const void *context, const Object *object)
{
	Entry *entry = registry_get(&pipe_table, object->id);
	int result = registry_remove(&pipe_table, object);

	if (result == 0) {
		Pipe *pipe = entry->data;

		g_mutex_lock(&lock);
		pipe->removed = true;
		g_mutex_unlock(&lock);
		pipe_wake(entry, READING);
		pipe_wake(entry, WRITING);
	}
	entry_unref(&pipe_table, entry);
	return result;
}

static int pipe_stat(const void *context, const Object *object, ObjectStat *out)
{
	Entry *entry = registry_get(&pipe_table, object->id);
	int result = registry_stat(&pipe_table, object, out);

	if (result == 0)
		out->size = pipe_queued(entry->data);
	entry_unref(&pipe_table, entry);
	return result;
}

static const DirOps members = {
	.context = &pipe_table,
	.list = registry_list,
	.lookup = registry_lookup,
	.create = pipe_create,
	.remove = pipe_remove,
	.rename = registry_rename,
	.stat = pipe_stat,
	.set = registry_set,
	.permit = registry_permit,
};

/* clang-format off */
static const FileDesc files[] = {
	{.name = "read", .kind = STREAM, .mode = 0444, .stream = &end_ops},
	{.name = "write", .kind = STREAM, .mode = 0222, .stream = &end_ops},
	{.name = "status", .kind = TEXT, .mode = 0444, .text = &pipe_status},
	{.name = "capacity", .kind = TEXT, .mode = 0666, .text = &pipe_capacity, .which = PIPE_CAPACITY},
	{.name = "queued", .kind = TEXT, .mode = 0444, .text = &pipe_attribute, .which = PIPE_QUEUED},
	{.name = "readers", .kind = TEXT, .mode = 0444, .text = &pipe_attribute, .which = PIPE_READERS},
	{.name = "writers", .kind = TEXT, .mode = 0444, .text = &pipe_attribute, .which = PIPE_WRITERS},
	{0},
};
/* clang-format on */

static const FileDesc member = {.kind = DIRECTORY, .files = files};

const FileDesc pipe_desc = {.name = "pipe", .kind = DIRECTORY, .mode = 01777, .members = &members, .member = &member};
