/* FUSE's operations, by file: what each kind of file does with them. session.c has the table. */
#pragma once

#include "fs/file.h"

/* names.c */
void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void on_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups);
void on_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
void on_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void on_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void on_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent, const char *newname,
	       unsigned flags);
void on_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device);
void on_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void on_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void on_readlink(fuse_req_t req, fuse_ino_t ino);
void on_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent, const char *newname);

/* Fills what the kernel is told of a name: its node, entered now, its attributes and how long both hold. 0 or -errno. */
int entry_enter(fuse_req_t req, Node *directory, const Found *found, const struct stat *attributes,
		struct fuse_entry_param *out);

/* Looks a name up and enters it. 0 or -errno. */
int entry_find(fuse_req_t req, Node *directory, const char *name, struct fuse_entry_param *out);

/* Answers with an entry, and forgets it if nobody is there any more to hear. */
void reply_entry(fuse_req_t req, const struct fuse_entry_param *entry);

/* Seconds that the attributes of a node may be cached. */
double attributes_timeout(const DirOps *members);

/* attributes.c */
void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void on_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attributes, int which, struct fuse_file_info *fi);

/* The attributes of a node now, also of memory that is open after its object was removed. 0 or a negative errno. */
int attributes_now(Node *node, struct stat *out);

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

/* text.c */
void text_open(fuse_req_t req, File *file);
void text_read(fuse_req_t req, File *file, size_t size, off_t offset);
void text_write(fuse_req_t req, File *file, const char *buf, size_t size);

/* stream.c */
void stream_open(fuse_req_t req, File *file);
void stream_read(fuse_req_t req, File *file, size_t size, off_t offset, bool nonblocking);
void stream_write(fuse_req_t req, File *file, const char *buf, size_t size, off_t offset, int flags);
void stream_poll(fuse_req_t req, File *file, int events, struct fuse_pollhandle *handle);
void stream_release(File *file);

/* memory.c */
void memory_start(bool may_pass);
void memory_open(fuse_req_t req, File *file);
void memory_read(fuse_req_t req, File *file, size_t size, off_t offset);
void memory_write(fuse_req_t req, File *file, const char *buf, size_t size, off_t offset);
void memory_release(File *file);

/* The attributes of a node that is open, whose object may have been removed. -ENOENT if it is not open. */
int memory_stat(Node *node, struct stat *out);

/* A change of size, answered sooner or later. False if there is nothing to do: it came from O_TRUNC. */
bool memory_resize(fuse_req_t req, Node *node, off_t size, struct fuse_file_info *fi);

/* The size that the kernel is to assume of a stream's inode (stat shows 0), and telling it so; see stream.c. */
enum { STREAM_SIZE = 16 << 20 };
void stream_tell_size(Node *node);
