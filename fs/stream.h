/*
 * Streams: see stream.c. Called by open.c, on a dispatcher thread; each function with a `req` replies sooner or later.
 * attributes.c calls stream_tell_size().
 */
#pragma once

#include "fs/file.h"

void stream_open(fuse_req_t req, File *file);
void stream_read(fuse_req_t req, File *file, size_t size, off_t offset, bool nonblocking);
void stream_write(fuse_req_t req, File *file, const char *buf, size_t size, off_t offset, int flags);
void stream_poll(fuse_req_t req, File *file, int events, struct fuse_pollhandle *handle);
void stream_release(File *file);

/* The size that the kernel is to assume for the inode of a stream, though stat shows 0; and telling the kernel so. */
enum { STREAM_SIZE = 16 << 20 };
void stream_tell_size(Inode *inode);
