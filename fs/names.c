/* Names: making, removing and moving them. */
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
	int (*make)(const void *context, const Object *at, const char *name, mode_t mode,
		    Object *out); /* one of the directory's DirOps */
	const char *verb;
	Caller caller;
	gid_t *groups; /* the caller's, owned */
} Making;

/* Makes an object as the caller. */
static void make_and_reply(void *data)
{
	Making *making = data;
	const Object at = inode_object(making->directory);
	struct fuse_entry_param entry;
	Object object;
	int result;

	refusal_forget();
	result = creds_override(&making->caller);
	if (result == 0) {
		result = making->make(making->directory->desc->members->context, &at, making->name, making->mode,
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

static void make(fuse_req_t req, Inode *directory, const char *name, mode_t mode,
		 int (*how)(const void *context, const Object *at, const char *name, mode_t mode, Object *out),
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
	/* Where no thread can be had, it keeps others waiting. */
	if (!directory->desc->members->slow_create || worker_run(make_and_reply, making) < 0)
		make_and_reply(making);
}

static void refuse_new(fuse_req_t req, Inode *directory, const char *name, const char *verb)
{
	if (directory->desc->members && directory->desc->members->create)
		refuse(EPERM, "objects are made with mkdir");
	else if (directory->desc->members && directory->desc->members->node)
		refuse(EPERM, "only special files are made here, such as with mkfifo");
	else
		refuse(EPERM, "nothing can be made here");
	reply_refusal_at(req, directory, name, -EPERM, verb);
}

void on_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	Inode *directory = inode_get(parent);
	const DirOps *members = directory->desc->members;

	refusal_forget();
	if (members && members->create)
		make(req, directory, name, mode & 0666, members->create, "mkdir");
	else
		refuse_new(req, directory, name, "mkdir");
}

void on_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
	Inode *directory = inode_get(parent);
	const DirOps *members = directory->desc->members;

	refusal_forget();
	if (members && members->node)
		make(req, directory, name, mode, members->node, "mknod");
	else
		refuse_new(req, directory, name, "create");
}

/* Finds a member of the directory that can be changed by this caller, or refuses. */
static int find_member(Inode *directory, const char *name, Dirent *out)
{
	int result = inode_find(directory, name, out);

	if (result == 0 && !desc_is_member(out->desc))
		return refuse(EPERM, "this name is part of the tree");
	return result;
}

/* Removes a member, as the caller whom this thread plays. */
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
		return refuse(EPERM, "what is here cannot be removed");
	result = find_member(directory, name, &dirent);
	if (result < 0)
		return result;
	if (special != (dirent.desc->kind == SPECIAL))
		return refuse(EPERM, "this is not an object that can be removed");
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
		result = refuse(EPERM, "the files of an object go with it: rmdir its directory");
	else
		result = remove_member(req, directory, name, true);
	reply_result_at(req, directory, name, result, "rm");
}

/* A file takes the place of another one of its directory; an object's directory takes none that holds files. */
static int rename_member(fuse_req_t req, Inode *directory, const char *name, const char *newname, bool replace)
{
	const DirOps *members = directory->desc->members;
	Caller caller = caller_of(req);
	g_autofree gid_t *groups = NULL;
	Dirent dirent, other;
	bool taken;
	int result;

	if (!members || !members->rename)
		return refuse(EPERM, "what is here cannot be given another name");
	result = find_member(directory, name, &dirent);
	if (result < 0)
		return result;
	taken = inode_find(directory, newname, &other) == 0;
	if (taken && !(replace && dirent.desc->kind == SPECIAL && other.desc == dirent.desc))
		return refuse(EEXIST, "%s exists", newname);
	result = caller_permitted(req, dirent.members, &dirent.object, &caller, RIGHT_OWN);
	if (result == -EPERM)
		return refuse(EPERM, "only its owner or root may give it another name");
	if (result < 0)
		return result;
	groups = caller_groups(req, &caller);
	result = creds_override(&caller);
	if (result < 0)
		return result;
	if (taken)
		result = remove_object(directory, &other);
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
		/* Not EXDEV, upon which mv(1) makes a copy: it would take the messages, and leave another object. */
		result = refuse(EPERM, "an object stays in its directory");
	else
		result = rename_member(req, directory, name, newname, !(flags & RENAME_NOREPLACE));
	reply_result_at(req, directory, name, result, "mv");
}

/* -- What a tree of objects does not have --------------------------------------------------------------------------- */

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
