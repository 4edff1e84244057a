/*
 * Streams: each open, read, write and release becomes a request that may wait (wait/request.h).
 *
 * Writers that share a descriptor. The kernel holds the lock of the inode during a direct write, and a process that
 * waits for this lock cannot be killed. The kernel shares the lock among writers (FOPEN_PARALLEL_DIRECT_WRITES) only if
 * the write ends below the size that it assumes for the file, and stat shows 0 for a stream. So the daemon tells the
 * kernel a large size in the one way that stat does not show: FUSE_NOTIFY_STORE of a byte at a high offset raises the
 * size of the inode. If the store raises the size each time, it also makes the reply to a GETATTR that is under way too
 * old to lower the size again. The daemon does this at open and before each reply to GETATTR. O_TRUNC has to arrive as
 * a SETATTR (FUSE_CAP_ATOMIC_O_TRUNC is off), and the reply to it has that size. Files opened with O_APPEND keep the
 * exclusive lock: the kernel takes it for them in any case.
 *
 * Callers: open.c, on a dispatcher thread, without locks. Nothing here sleeps.
 */
#include <errno.h>
#include <poll.h>

#include "backends/core/host.h"
#include "backends/core/refusal.h"
#include "fs/reply.h"
#include "fs/stream.h"
#include "fs/wait/finishing.h"
#include "fs/wait/polling.h"
#include "fs/wait/request.h"
#include "fs/wait/wait_queue.h"

void stream_tell_size(Inode *inode)
{
	static gint times; /* the offset has to grow each time; only the order within one inode counts */
	struct fuse_bufvec byte = FUSE_BUFVEC_INIT(1);
	off_t offset = STREAM_SIZE + (g_atomic_int_add(&times, 1) & 0x3fffffff);
	char zero = 0;

	byte.buf[0].mem = &zero;
	fuse_lowlevel_notify_store(reply_session(), inode->slot, offset, &byte, 0);
}

void stream_open(fuse_req_t req, File *file)
{
	const Handle *handle = &file->handle;
	const RequestSpec request = {
		.operation = OPEN,
		.fuse = req,
		.file = file,
		.nonblocking = handle->flags & O_NONBLOCK,
	};

	if (handle_writes(handle) && handle->desc->stream->finish && finishing_check(handle->caller.uid) < 0) {
		reply_refusal(req, file->inode, -ENFILE, "open");
		file_unref(file);
		return;
	}
	if (handle_writes(handle) && !(handle->flags & O_APPEND)) {
		g_atomic_int_set(&file->inode->sized, true);
		stream_tell_size(file->inode);
	}
	if (handle->desc->stream->open)
		request_start(&request);
	else
		reply_stream_open(req, file);
}

void stream_read(fuse_req_t req, File *file, size_t size, off_t offset, bool nonblocking)
{
	const RequestSpec request = {
		.operation = READ, .fuse = req, .file = file, .size = size, .nonblocking = nonblocking};

	/*
	 * The next piece of a read(2) that is larger than one FUSE read, after full pieces: it may return the rest of
	 * the same message, never another message.
	 */
	if (offset > 0 && !file->handle.rest.length)
		fuse_reply_buf(req, NULL, 0);
	else
		request_start(&request);
}

void stream_write(fuse_req_t req, File *file, const char *buf, size_t size, off_t offset, int flags)
{
	const RequestSpec request = {
		.operation = WRITE,
		.fuse = req,
		.file = file,
		.size = size,
		.data = buf,
		.nonblocking = flags & O_NONBLOCK,
	};

	/* With O_APPEND the offset is the size that the kernel assumes. */
	if (offset > 0 && !(flags & O_APPEND) && file->handle.desc->stream->whole_writes) {
		refuse(EMSGSIZE, "message is too large: the kernel splits writes of more than %zu bytes",
		       host_settings()->largest);
		reply_refusal(req, file->inode, -EMSGSIZE, "write");
		return;
	}
	request_start(&request);
}

void stream_poll(fuse_req_t req, File *file, int events, struct fuse_pollhandle *handle)
{
	unsigned wakes = wait_queue_wakes();
	int events_now = file->handle.desc->stream->poll(&file->handle);
	int directions = 0;

	if (!file->handle.desc->stream->wait) {
		if (handle)
			fuse_pollhandle_destroy(handle);
		fuse_reply_poll(req, events_now);
		return;
	}
	/* Each direction that is not ready: an edge-triggered poller of both knows already about the one that is ready. */
	if (!(events_now & (POLLERR | POLLHUP))) {
		if ((events & (POLLIN | POLLRDNORM)) && !(events_now & POLLIN) && handle_reads(&file->handle))
			directions |= 1 << READING;
		if ((events & (POLLOUT | POLLWRNORM)) && !(events_now & POLLOUT) && handle_writes(&file->handle))
			directions |= 1 << WRITING;
		/* A poller of POLLIN is told of the end of file by POLLIN. */
		if ((events & POLLRDHUP) && !(events & POLLIN) && !(events_now & POLLRDHUP))
			directions |= 1 << HANGUP;
		if (!directions && !(events_now & events))
			directions = 1 << HANGUP;
	}
	/* Also if the file is ready: polling_rearm() needs the handle. */
	if (handle)
		polling_arm(file, handle, directions, wakes);
	fuse_reply_poll(req, events_now);
}

void stream_release(File *file)
{
	const StreamOps *ops = file->handle.desc->stream;
	const RequestSpec finish = {.operation = FINISH, .file = file};

	polling_disarm(file);
	if (ops->finish)
		request_start(&finish);
	else
		file_unref(file);
}
