/*
 * The FUSE operations, by the file that defines them. session.c puts them into libfuse's table.
 *
 * A dispatcher thread calls each of them without locks. An operation replies before it returns, or leaves the request
 * to another thread that replies; it never sleeps.
 */
#pragma once

#include "fs/fuse.h"

/* lookup.c */
void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void on_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups);
void on_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);

/* names.c */
void on_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void on_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void on_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent, const char *newname,
	       unsigned flags);
void on_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device);
void on_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void on_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void on_readlink(fuse_req_t req, fuse_ino_t ino);
void on_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent, const char *newname);

/* attributes.c */
void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void on_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attributes, int which, struct fuse_file_info *fi);
void on_statfs(fuse_req_t req, fuse_ino_t ino);

/* directory.c */
void on_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void on_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi);
void on_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi);
void on_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);

/* open.c */
void on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi);
void on_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t offset, struct fuse_file_info *fi);
void on_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *handle);
void on_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
