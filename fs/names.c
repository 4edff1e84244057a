/*
 * Names: MKDIR, MKNOD, RMDIR, UNLINK, RENAME, and the operations that a tree of objects refuses (SYMLINK, LINK).
 *
 * libfuse calls these operations on a dispatcher thread, without locks. A mechanism makes, removes and renames its
 * objects with the caller's credentials (backends/core/credentials.h), so the kernel checks the permission. Making may
 * run on a worker (DirOps.slow_create).
 */
#include <errno.h>
#include <stdio.h>

#include "backends/core/credentials.h"
#include "backends/core/refusal.h"
#include "fs/caller.h"
#include "fs/lookup.h"
#include "fs/operations.h"
#include "fs/reply.h"
#include "fs/wait/worker.h"

/* mkdir or mknod under way. */
typedef struct Making {
	fuse_req_t req;
	Inode *directory; /* held */
	char *name;       /* owned */
	mode_t mode;
	int (*make)(const void *context, const Object *parent, const char *name, mode_t mode,
		    Object *out); /* one of the directory's DirOps */
	const char *verb;
	Caller caller;
	gid_t *groups; /* the caller's, owned */
} Making;

/* Makes an object with the caller's credentials, and replies. */
static void make_and_reply(void *data)
{
	Making *making = data;
	const Object parent = inode_object(making->directory);
	struct fuse_entry_param entry;
	Object object;
	int result;

	refusal_forget();
	result = creds_override(&making->caller);
	if (result == 0) {
		result = making->make(making->directory->desc->members->context, &parent, making->name, making->mode,
				      &object);
		creds_revert();
	}
	if (result == 0)
		result = lookup_name(making->req, making->directory, making->name, &entry);
	if (result < 0)
		reply_refusal_at(making->req, making->directory, making->name, result, making->verb);
	else
		lookup_reply(making->req, &entry);
	inode_unref(making->directory);
	g_free(making->name);
	g_free(making->groups);
	g_free(making);
}

static void start_making(fuse_req_t req, Inode *directory, const char *name, mode_t mode,
			 int (*how)(const void *context, const Object *parent, const char *name, mode_t mode,
				    Object *out),
			 const char *verb)
{
	Making *making = g_new(Making, 1);

	*making = (Making){
		.req = req,
		.directory = directory,
		.name = g_strdup(name),
		.mode = mode,
		.make = how,
		.verb = verb,
		.caller = caller_of(req),
	};
	making->groups = caller_groups(req, &making->caller);
	inode_ref(directory);
	/* Without a worker the dispatcher makes it, and other requests wait. */
	if (!directory->desc->members->slow_create || worker_run(make_and_reply, making) < 0)
		make_and_reply(making);
}

static void refuse_new(fuse_req_t req, Inode *directory, const char *name, const char *verb)
{
	if (directory->desc->members && directory->desc->members->create)
		refuse(EPERM, "only directories can be made here: use mkdir");
	else if (directory->desc->members && directory->desc->members->node)
		refuse(EPERM, "only special files can be made here: use mkfifo");
	else
		refuse(EPERM, "no object can be made in this directory");
	reply_refusal_at(req, directory, name, -EPERM, verb);
}

void on_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	Inode *directory = inode_get(parent);
	const DirOps *members = directory->desc->members;

	refusal_forget();
	if (members && members->create)
		start_making(req, directory, name, mode & 0666, members->create, "mkdir");
	else
		refuse_new(req, directory, name, "mkdir");
}

void on_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
	Inode *directory = inode_get(parent);
	const DirOps *members = directory->desc->members;

	refusal_forget();
	if (members && members->node)
		start_making(req, directory, name, mode, members->node, "mknod");
	else
		refuse_new(req, directory, name, "create");
}

/* Finds a member of the directory, or refuses a fixed name. */
static int find_member(Inode *directory, const char *name, Dirent *out)
{
	int result = inode_find(directory, name, out);

	if (result == 0 && !desc_is_member(out->desc))
		return refuse(EPERM, "this name is a fixed part of the tree");
	return result;
}

/* Removes a member. The calling thread has the caller's credentials. */
static int remove_object(Inode *directory, const Dirent *dirent)
{
	const DirOps *members = directory->desc->members;
	ObjectStat last;
	bool special = dirent->desc->kind == SPECIAL && members->stat(members->context, &dirent->object, &last) == 0;
	int result = members->remove(members->context, &dirent->object);

	if (result == 0 && special)
		inode_remove(directory, dirent, &last);
	return result;
}

/* rmdir and unlink of a member. */
static int remove_member(fuse_req_t req, Inode *directory, const char *name, bool special)
{
	const DirOps *members = directory->desc->members;
	Caller caller = caller_of(req);
	g_autofree gid_t *groups = NULL;
	Dirent dirent;
	int result;

	if (!members || !members->remove)
		return refuse(EPERM, "objects of this directory cannot be removed");
	result = find_member(directory, name, &dirent);
	if (result < 0)
		return result;
	if (special != (dirent.desc->kind == SPECIAL))
		return refuse(EPERM, "this is no object of its own: rmdir removes directories, rm special files");
	groups = caller_groups(req, &caller);
	result = creds_override(&caller);
	if (result < 0)
		return result;
	result = remove_object(directory, &dirent);
	creds_revert();
	return result;
}

void on_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	Inode *directory = inode_get(parent);

	refusal_forget();
	reply_result_at(req, directory, name, remove_member(req, directory, name, false), "rmdir");
}

void on_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	Inode *directory = inode_get(parent);
	int result;

	refusal_forget();
	if (inode_members(directory))
		result = refuse(EPERM, "the files of an object cannot be removed alone: rmdir its directory");
	else
		result = remove_member(req, directory, name, true);
	reply_result_at(req, directory, name, result, "rm");
}

/* A special file may replace another one of its directory. A directory replaces nothing. */
static int rename_member(fuse_req_t req, Inode *directory, const char *name, const char *newname, bool replace)
{
	const DirOps *members = directory->desc->members;
	Caller caller = caller_of(req);
	g_autofree gid_t *groups = NULL;
	Dirent dirent, replaced;
	bool replaces;
	int result;

	if (!members || !members->rename)
		return refuse(EPERM, "objects of this directory cannot be renamed");
	result = find_member(directory, name, &dirent);
	if (result < 0)
		return result;
	replaces = inode_find(directory, newname, &replaced) == 0;
	if (replaces && !(replace && dirent.desc->kind == SPECIAL && replaced.desc == dirent.desc))
		return refuse(EEXIST, "%s exists", newname);
	result = caller_permitted(req, dirent.members, &dirent.object, &caller, RIGHT_OWN);
	if (result == -EPERM)
		return refuse(EPERM, "only the owner of an object or root can rename it");
	if (result < 0)
		return result;
	groups = caller_groups(req, &caller);
	result = creds_override(&caller);
	if (result < 0)
		return result;
	if (replaces)
		result = remove_object(directory, &replaced);
	if (result == 0)
		result = members->rename(members->context, &dirent.object, newname);
	creds_revert();
	if (result == 0)
		inode_rename(directory, &dirent, newname);
	return result;
}

void on_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent, const char *newname,
	       unsigned flags)
{
	Inode *directory = inode_get(parent);
	int result;

	refusal_forget();
	if (flags & ~(unsigned)RENAME_NOREPLACE)
		result = -EINVAL;
	else if (parent != newparent)
		/* Not EXDEV: mv(1) would then copy, which takes the messages and makes another object. */
		result = refuse(EPERM, "an object cannot move to another directory");
	else
		result = rename_member(req, directory, name, newname, !(flags & RENAME_NOREPLACE));
	reply_result_at(req, directory, name, result, "mv");
}

/* -- Operations that are refused ----------------------------------------------------------------------------------- */

void on_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	refusal_forget();
	refuse_new(req, inode_get(parent), name, "symlink");
}

void on_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent, const char *newname)
{
	refusal_forget();
	refuse_new(req, inode_get(newparent), newname, "link");
}

void on_readlink(fuse_req_t req, fuse_ino_t ino)
{
	Inode *inode = inode_get(ino);
	const Object object = inode_object(inode);
	const Caller caller = caller_of(req);
	g_autoptr(GString) target = g_string_new(NULL);
	int result = inode->desc->text->show(inode->desc, &object, &caller, target);

	if (result < 0)
		reply_refusal(req, inode, result, "readlink");
	else
		fuse_reply_readlink(req, target->str);
}
