/* Attributes: stat, chmod, chown, truncate, touch; statfs. */
#include <errno.h>
#include <sys/statvfs.h>

#include "backends/core/credentials.h"
#include "backends/core/refusal.h"
#include "fs/caller.h"
#include "fs/operations.h"
#include "fs/reply.h"

int attributes_now(Node *node, struct stat *out)
{
	int result = node_stat(node, out);

	return result < 0 && node->desc->kind == MEMORY ? memory_stat(node, out) : result;
}

void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	Node *node = node_get(ino);
	struct stat attributes;
	int result = attributes_now(node, &attributes);

	/* fstat() of an open stream; of another one the name has gone since it was looked up, on the way to open it. */
	if (result == -ENOENT && node->desc->kind == STREAM && node_is_open(node))
		result = -EIDRM;
	if (result < 0) {
		fuse_reply_err(req, -result);
		return;
	}
	if (g_atomic_int_get(&node->sized))
		stream_tell_size(node);
	fuse_reply_attr(req, &attributes, attributes_timeout(node->members));
}

/* chmod and chown, of an object's directory, as the caller. */
static int change(fuse_req_t req, Node *node, const struct stat *attributes, int which)
{
	const DirOps *members = node_is_member(node);
	const Object object = node_object(node);
	Caller caller = caller_of(req);
	g_autofree gid_t *groups = NULL;
	ObjectChange wanted = {
		.set_mode = which & FUSE_SET_ATTR_MODE,
		.set_uid = which & FUSE_SET_ATTR_UID,
		.set_gid = which & FUSE_SET_ATTR_GID,
		.mode = attributes->st_mode & (node->desc->kind == DIRECTORY ? 0666 : 0777),
		.uid = attributes->st_uid,
		.gid = attributes->st_gid,
	};
	int result;

	if (!members || !members->set)
		return refuse(EPERM, "owner and mode are those of the object: change its directory");
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
	enum {
		OWNER_AND_MODE = FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID,
		TIMES = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME,
	};
	Node *node = node_get(ino);
	int result = 0;

	refusal_forget();
	if ((which & FUSE_SET_ATTR_SIZE) && node->desc->kind == MEMORY &&
	    memory_resize(req, node, attributes->st_size, fi))
		return;
	if (which & OWNER_AND_MODE)
		result = change(req, node, attributes, which);
	/* `touch` means now, and now is what the kernel will note at the next change; another time would be a lie. */
	else if (((which & FUSE_SET_ATTR_ATIME) && !(which & FUSE_SET_ATTR_ATIME_NOW)) ||
		 ((which & FUSE_SET_ATTR_MTIME) && !(which & FUSE_SET_ATTR_MTIME_NOW)))
		result = refuse(EPERM, "the times of an object are the kernel's");
	if (result == 0)
		result = attributes_now(node, attributes);
	if (result < 0) {
		reply_refusal(req, node, result, "change");
		return;
	}
	if (g_atomic_int_get(&node->sized))
		attributes->st_size = STREAM_SIZE;
	fuse_reply_attr(req, attributes, attributes_timeout(node->members));
}

void on_statfs(fuse_req_t req, fuse_ino_t ino)
{
	const struct statvfs answer = {.f_bsize = 4096, .f_frsize = 4096, .f_namemax = NAME_MAX};

	fuse_reply_statfs(req, &answer);
}
