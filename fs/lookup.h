/*
 * Look-ups: what the kernel is told of a name, and for how long it may remember that.
 *
 * Callers: names.c and directory.c return dirents as a look-up does; attributes.c and memory.c use the timeout. No
 * locks are held.
 */
#pragma once

#include "fs/inode.h"

/* Enters the inode of a dirent, and fills the reply: its attributes, and how long they and the name hold. 0 or -errno. */
int lookup_enter(fuse_req_t req, Inode *directory, const Dirent *dirent, const struct stat *attributes,
		 struct fuse_entry_param *out);

/* Looks a name up and enters its inode. 0 or -errno. */
int lookup_name(fuse_req_t req, Inode *directory, const char *name, struct fuse_entry_param *out);

/* Replies with an entry. If the caller was interrupted and gets no reply, the look-up is forgotten. */
void lookup_reply(fuse_req_t req, const struct fuse_entry_param *entry);

/* Seconds that the kernel may remember the attributes of an inode with these members. */
double lookup_attributes_timeout(const DirOps *members);
