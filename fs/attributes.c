/*
 * Attributes: GETATTR, SETATTR (chmod, chown, truncate, touch) and STATFS.
 *
 * libfuse calls these operations on a dispatcher thread, without locks. A change of the size of memory goes to
 * memory.c, which may reply from a worker.
 */
#include <errno.h>
#include <sys/statvfs.h>

#include "backends/core/credentials.h"
#include "backends/core/refusal.h"
#include "fs/caller.h"
#include "fs/lookup.h"
#include "fs/memory.h"
#include "fs/operations.h"
#include "fs/reply.h"
#include "fs/stream.h"

static int stat_inode(Inode *inode, struct stat *out)
{
	return inode->desc->kind == MEMORY ? memory_stat(inode, out) : inode_stat(inode, out);
}

void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	Inode *inode = inode_get(ino);
	struct stat attributes;
	int result = stat_inode(inode, &attributes);

	/* fstat(2) of an open stream. A stream that is not open has lost its name on the way to open(2), which returns ENOENT. */
	if (result == -ENOENT && inode->desc->kind == STREAM && inode_is_open(inode))
		result = -EIDRM;
	if (result < 0) {
		fuse_reply_err(req, -result);
		return;
	}
	if (g_atomic_int_get(&inode->sized))
		stream_tell_size(inode);
	fuse_reply_attr(req, &attributes, lookup_attributes_timeout(inode->members));
}

/* chmod and chown of an object's directory, with the caller's credentials. */
static int change_owner_and_mode(fuse_req_t req, Inode *inode, const struct stat *attributes, int which)
{
	const DirOps *members = inode_members(inode);
	const Object object = inode_object(inode);
	Caller caller = caller_of(req);
	g_autofree gid_t *groups = NULL;
	ObjectChange wanted = {
		.set_mode = which & FUSE_SET_ATTR_MODE,
		.set_uid = which & FUSE_SET_ATTR_UID,
		.set_gid = which & FUSE_SET_ATTR_GID,
		.mode = attributes->st_mode & (inode->desc->kind == DIRECTORY ? 0666 : 0777),
		.uid = attributes->st_uid,
		.gid = attributes->st_gid,
	};
	int result;

	if (!members || !members->set)
		return refuse(EPERM, "owner and mode belong to the object: use chmod or chown on its directory");
	groups = caller_groups(req, &caller);
	result = creds_override(&caller);
	if (result < 0)
		return result;
	result = members->set(members->context, &object, &wanted);
	creds_revert();
	return result;
}

void on_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attributes, int which, struct fuse_file_info *fi)
{
	enum { OWNER_AND_MODE = FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID };
	Inode *inode = inode_get(ino);
	int result = 0;

	refusal_forget();
	if ((which & FUSE_SET_ATTR_SIZE) && inode->desc->kind == MEMORY &&
	    memory_resize(req, inode, attributes->st_size, fi))
		return;
	if (which & OWNER_AND_MODE)
		result = change_owner_and_mode(req, inode, attributes, which);
	/* The kernel keeps the times of its objects. The present time, as of `touch`, is accepted; it is near the truth. */
	else if (((which & FUSE_SET_ATTR_ATIME) && !(which & FUSE_SET_ATTR_ATIME_NOW)) ||
		 ((which & FUSE_SET_ATTR_MTIME) && !(which & FUSE_SET_ATTR_MTIME_NOW)))
		result = refuse(EPERM, "the kernel sets the times of an object: only the present time is accepted");
	if (result == 0)
		result = stat_inode(inode, attributes);
	if (result < 0) {
		reply_refusal(req, inode, result, "change");
		return;
	}
	if (g_atomic_int_get(&inode->sized))
		attributes->st_size = STREAM_SIZE;
	fuse_reply_attr(req, attributes, lookup_attributes_timeout(inode->members));
}

void on_statfs(fuse_req_t req, fuse_ino_t ino)
{
	const struct statvfs answer = {.f_bsize = 4096, .f_frsize = 4096, .f_namemax = NAME_MAX};

	fuse_reply_statfs(req, &answer);
}
