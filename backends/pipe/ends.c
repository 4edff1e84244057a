/*
 * The ends of a pipe: `write` and `read`. Callers can open each any number of times. End of file and EPIPE follow from the number of
 * open files.
 *
 * Partners: as for a FIFO in the kernel (fs/pipe.c, w_counter), each open file has a state of its own. A file has *met* the
 * other end once both ends were open at the same time; a reader also once it received bytes that an earlier writer left.
 * Before that, a reader of an empty pipe sleeps and a writer may fill the pipe. After that, a reader of an empty pipe gets
 * end of file, and a writer EPIPE, whenever no file has the other end open.
 *
 * Room: poll(2) reports a pipe writable when a page of its ring is free; a write of up to PIPE_BUF then fits whole. A
 * smaller write may fit into the rest of the last page. After EAGAIN no such rest exists until a reader frees a page.
 *
 * Waiting needs no descriptor, because only the daemon holds the pipe. Each read or write lets the requests at the other
 * end proceed (end_other_end). Every other change calls pipe_wake(). Bytes for a waiting reader bypass the pipe
 * (host_transfer_to_reader).
 *
 * fs/ calls these functions through the stream operations in the pipe's FileDesc table (tree.c). Locking: the pipe lock guards the
 * counts and STATE_MET.
 */
#include "backends/pipe/ends.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "backends/core/host.h"
#include "backends/core/refusal.h"
#include "backends/pipe/pipe.h"

/* Handle.state. MET: protected by the pipe lock. */
enum { STATE_ENTRY, STATE_SEEN, STATE_MET };

static Direction end_of(const Handle *handle)
{
	return handle_reads(handle) ? READING : WRITING;
}

static Direction opposite(Direction end)
{
	return end == READING ? WRITING : READING;
}

static Entry *entry_of(const Handle *handle)
{
	return (Entry *)(intptr_t)handle->state[STATE_ENTRY];
}

static Pipe *pipe_of(const Handle *handle)
{
	return entry_of(handle)->data;
}

static void end_wait(Handle *handle, Direction direction, size_t size, Wait *out)
{
	*out = (Wait){.how = WAIT_FD, .fd = -1};
	pipe_fill_key(entry_of(handle)->id, end_of(handle), direction, out->key);
}

static void end_other_end(Handle *handle, int64_t key[4])
{
	const Direction peer = opposite(end_of(handle));

	pipe_fill_key(entry_of(handle)->id, peer, peer, key);
}

static int end_open(Handle *handle, BlockMode block)
{
	const Direction end = end_of(handle), peer = opposite(end);
	Entry *entry = registry_get(&pipe_table, handle->object.id);
	Pipe *pipe = entry ? entry->data : NULL;
	bool gone;

	if (!entry)
		return -ENOENT;
	if (handle->flags & O_DIRECT) {
		entry_unref(&pipe_table, entry);
		return refuse(EINVAL, "pipe has no packet mode: open it without O_DIRECT");
	}
	g_mutex_lock(&pipe_lock);
	gone = pipe->removed;
	if (!gone) {
		pipe->open[end]++;
		pipe->ever[end]++;
		handle->state[STATE_ENTRY] = (int64_t)(intptr_t)entry;
		handle->state[STATE_SEEN] = pipe->ever[peer];
		handle->state[STATE_MET] = pipe->open[peer] > 0;
	}
	g_mutex_unlock(&pipe_lock);
	if (gone)
		entry_unref(&pipe_table, entry);
	return gone ? -ENOENT : 0;
}

static void end_close(Handle *handle)
{
	const Direction end = end_of(handle), peer = opposite(end);
	Entry *entry = entry_of(handle);
	Pipe *pipe = entry->data;
	bool last;

	g_mutex_lock(&pipe_lock);
	last = --pipe->open[end] == 0;
	g_mutex_unlock(&pipe_lock);
	if (last)
		pipe_wake(entry, peer);
	entry_unref(&pipe_table, entry);
}

/* Whether the file has met the other end and no file has that open now; or the pipe was removed. */
static bool abandoned(Handle *handle)
{
	const Direction peer = opposite(end_of(handle));
	const Pipe *pipe = pipe_of(handle);
	bool result;

	g_mutex_lock(&pipe_lock);
	result = pipe->removed ||
		 (pipe->open[peer] == 0 && (handle->state[STATE_MET] || pipe->ever[peer] != handle->state[STATE_SEEN]));
	g_mutex_unlock(&pipe_lock);
	return result;
}

static ssize_t end_read(Handle *handle, char *buf, size_t size, BlockMode block)
{
	/* Asked before the try: a writer that opens, writes and closes after the try has not left an empty pipe. */
	bool ended = abandoned(handle);
	const int fd = pipe_of(handle)->ends[READING];
	ssize_t n = read(fd, buf, size);

	if (n < 0 && errno != EAGAIN)
		return -errno;
	n = MAX(n, 0);
	if (n < (ssize_t)size) {
		int64_t key[4];

		end_other_end(handle, key);
		n += (ssize_t)host_transfer_from_writer(key, fd, buf + n, size - (size_t)n, PIPE_BUF);
	}
	if (n == 0)
		return ended ? 0 : -EAGAIN;
	if (!handle->state[STATE_MET]) {
		g_mutex_lock(&pipe_lock);
		handle->state[STATE_MET] = true;
		g_mutex_unlock(&pipe_lock);
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
	end_other_end(handle, key);
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
	struct pollfd fd = {.fd = pipe_of(handle)->ends[end_of(handle)], .events = reads ? POLLIN : POLLOUT};
	int events = abandoned(handle) ? (reads ? POLLHUP : POLLERR) : 0;

	if (poll(&fd, 1, 0) == 1 && (fd.revents & fd.events))
		events |= reads ? POLLIN | POLLRDNORM : POLLOUT | POLLWRNORM;
	return events;
}

const StreamOps pipe_end = {
	.open = end_open,
	.read = end_read,
	.write = end_write,
	.poll = end_poll,
	.wait = end_wait,
	.other_end = end_other_end,
	.close = end_close,
	.part_signals = true,
	.bytes = true,
};
