/*
 * Memory: see memory.c. Called by open.c and attributes.c, on a dispatcher thread; each function with a `req` replies
 * sooner or later.
 */
#pragma once

#include "fs/file.h"

/* Once, before any request. `may_pass`: the kernel lets the daemon pass memory through. */
void memory_start(bool may_pass);

void memory_open(fuse_req_t req, File *file);
void memory_read(fuse_req_t req, File *file, size_t size, off_t offset);
void memory_write(fuse_req_t req, File *file, const char *buf, size_t size, off_t offset);
void memory_release(File *file);

/* The attributes of memory; those of an open file if the object was removed. 0 or a negative errno. */
int memory_stat(Inode *inode, struct stat *out);

/* Changes the size. False, without a reply: there is nothing to do, since the request comes from O_TRUNC. */
bool memory_resize(fuse_req_t req, Inode *inode, off_t size, struct fuse_file_info *fi);
