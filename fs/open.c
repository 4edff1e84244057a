/*
 * OPEN: permissions, then the kind of file. READ, WRITE, POLL and RELEASE go straight to the kind of file (text.c,
 * stream.c, memory.c).
 *
 * Permissions are checked at open only. The kernel checks the mode that stat returns; this file asks the mechanism for
 * what a mode cannot express.
 *
 * Callers: libfuse, on a dispatcher thread, without locks.
 */
#include <errno.h>
#include <poll.h>

#include "backends/core/refusal.h"
#include "fs/caller.h"
#include "fs/memory.h"
#include "fs/operations.h"
#include "fs/reply.h"
#include "fs/stream.h"
#include "fs/text.h"

/* The rights on the object that an open with these flags needs; a negative errno if the file does not offer that at all. */
static int rights_needed(const FileDesc *desc, int flags)
{
	bool reads = (flags & O_ACCMODE) != O_WRONLY, writes = (flags & O_ACCMODE) != O_RDONLY;
	int rights = 0;

	/* The mode says so too, but the kernel does not apply it to root. */
	if (reads && !(desc->mode & 0444))
		return refuse(EACCES, "file is write only");
	if (writes && !(desc->mode & 0222))
		return refuse(EACCES, "file is read only");
	if (reads)
		rights |= RIGHT_READ;
	if (writes)
		rights |= desc->mode == 0644 ? RIGHT_OWN : RIGHT_WRITE;
	return rights;
}

static void refuse_open(fuse_req_t req, Inode *inode, int error)
{
	/* The kernel retries at once, and the caller does not see the error: nothing is noted. */
	if (error == -ESTALE)
		fuse_reply_err(req, ESTALE);
	else
		reply_refusal(req, inode, error, "open");
}

void on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	Inode *inode = inode_get(ino);
	const Object object = inode_object(inode);
	Caller caller = caller_of(req);
	bool writes = (fi->flags & O_ACCMODE) != O_RDONLY;
	bool writer = desc_is_per_opener(inode->desc) && (writes || inode->desc->kind == MEMORY);
	gid_t *groups = NULL;
	File *file;
	int result;

	refusal_forget();
	result = rights_needed(inode->desc, fi->flags);
	if (result > 0)
		result = caller_permitted(req, inode->members, &object, &caller, result);
	if (result == 0 && writer && !inode_claim_writer(inode, caller.pid))
		result = -ESTALE;
	if (result < 0) {
		refuse_open(req, inode, result);
		return;
	}
	/* A later store of a text, and each open of memory, uses the credentials of this caller. */
	if (((inode->desc->kind == TEXT && writes) || inode->desc->kind == MEMORY || inode->desc->as_opener) &&
	    caller.uid != 0)
		groups = caller_groups(req, &caller);
	file = file_new(inode, fi->flags, &caller, groups);
	if (!file) {
		if (writer)
			inode_release_writer(inode);
		fuse_reply_err(req, ENFILE);
		return;
	}
	file->writer = writer;
	if (inode->desc->kind == TEXT)
		text_open(req, file);
	else if (inode->desc->kind == MEMORY)
		memory_open(req, file);
	else
		stream_open(req, file);
}

void on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	File *file = file_get(fi->fh);

	if (file->handle.desc->kind == TEXT)
		text_read(req, file, size, offset);
	else if (file->handle.desc->kind == MEMORY)
		memory_read(req, file, size, offset);
	else
		stream_read(req, file, size, offset, fi->flags & O_NONBLOCK);
}

void on_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t offset, struct fuse_file_info *fi)
{
	File *file = file_get(fi->fh);

	if (file->handle.desc->kind == TEXT)
		text_write(req, file, buf, size);
	else if (file->handle.desc->kind == MEMORY)
		memory_write(req, file, buf, size, offset);
	else
		stream_write(req, file, buf, size, offset, fi->flags);
}

void on_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *handle)
{
	File *file = file_get(fi->fh);

	if (file->handle.desc->kind == STREAM && file->handle.desc->stream->poll) {
		stream_poll(req, file, fi->poll_events, handle);
		return;
	}
	/* Never ENOSYS: after one, the kernel sends no POLL for any file of the mount. */
	if (handle)
		fuse_pollhandle_destroy(handle);
	fuse_reply_poll(req, POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM);
}

void on_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	File *file = file_get(fi->fh);

	if (file->handle.desc->kind == STREAM)
		stream_release(file);
	else if (file->handle.desc->kind == MEMORY)
		memory_release(file);
	else
		file_unref(file);
	fuse_reply_err(req, 0);
}
