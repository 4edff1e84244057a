/* Names: looking them up, making, removing and moving them. */
#include <errno.h>
#include <stdio.h>

#include "backends/identity.h"
#include "backends/why.h"
#include "fs/caller.h"
#include "fs/operations.h"
#include "fs/reply.h"
#include "fs/worker.h"

/*
 * The tree above the objects never changes; objects come and go by other hands at any time. What a look-up says of one holds
 * only for the checks of rights that the kernel makes in the same breath (rounded up to a tick of its clock): each further
 * look-up says it anew.
 */
static const double forever = 3600, while_looking = 1, same_breath = 0.001;

double attributes_timeout(const Members *members)
{
	if (!members)
		return forever;
	return members->lasting ? same_breath : 0;
}

static double entry_timeout(const Node *directory, const Found *found)
{
	if (node_parts_openers(found->row))
		return 0;
	if (found->row == directory->row->member && !found->members->lasting)
		return 0;
	return found->members ? while_looking : forever;
}

int entry_enter(fuse_req_t req, Node *directory, const Found *found, const struct stat *attributes,
		struct fuse_entry_param *out)
{
	Node *node = node_enter(directory, found, fuse_req_ctx(req)->uid, fuse_req_ctx(req)->pid);

	if (!node)
		return why_refuse(ENFILE, "too many names are in use");
	*out = (struct fuse_entry_param){
		.ino = node->slot,
		.attr = *attributes,
		.attr_timeout = found->members ? same_breath : forever,
		.entry_timeout = entry_timeout(directory, found),
	};
	return 0;
}

/* node_find(), as the caller where not everybody may see what is there. */
static int find_as(fuse_req_t req, Node *directory, const char *name, Found *out)
{
	Caller caller = caller_of(req);
	g_autofree gid_t *groups = NULL;
	int result;

	if (!directory->row->members || !directory->row->members->private)
		return node_find(directory, name, out);
	groups = caller_groups(req, &caller);
	result = identity_assume(&caller);
	if (result < 0)
		return result;
	result = node_find(directory, name, out);
	identity_release();
	return result;
}

/* Finds a name, and its attributes. */
static int find(fuse_req_t req, Node *directory, const char *name, Found *found, struct stat *attributes)
{
	ObjectStat stat;
	int result = find_as(req, directory, name, found);

	if (result < 0)
		return result;
	if (found->members) {
		result = found->members->stat(&found->object, &stat);
		if (result < 0)
			return result;
	}
	node_fill_stat(found, found->members ? &stat : NULL, attributes);
	return 0;
}

static int enter_by_name(fuse_req_t req, Node *directory, const char *name, struct fuse_entry_param *out)
{
	struct stat attributes;
	Found found;
	int result = find(req, directory, name, &found, &attributes);

	return result < 0 ? result : entry_enter(req, directory, &found, &attributes, out);
}

static void reply_entry(fuse_req_t req, const struct fuse_entry_param *entry)
{
	/* A caller that has gone will not forget what it never heard of. */
	if (fuse_reply_entry(req, entry) == -ENOENT)
		node_forget(node_get(entry->ino), 1);
}

void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry;
	int result = enter_by_name(req, node_get(parent), name, &entry);

	if (result < 0)
		fuse_reply_err(req, -result);
	else
		reply_entry(req, &entry);
}

void on_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
	node_forget(node_get(ino), lookups);
	fuse_reply_none(req);
}

void on_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		node_forget(node_get(forgets[i].ino), forgets[i].nlookup);
	fuse_reply_none(req);
}

/* mkdir or mknod under way. */
typedef struct Making {
	fuse_req_t req;
	Node *directory; /* held */
	char *name;      /* owned */
	mode_t mode;
	int (*make)(const char *name, mode_t mode, Object *out); /* one of the directory's Members */
	const char *verb;
	Caller caller;
	gid_t *groups; /* the caller's, owned */
} Making;

/* Makes an object as the caller. */
static void make_and_reply(void *data)
{
	Making *making = data;
	struct fuse_entry_param entry;
	Object object;
	int result;

	why_forget();
	result = identity_assume(&making->caller);
	if (result == 0) {
		result = making->make(making->name, making->mode, &object);
		identity_release();
	}
	if (result == 0)
		result = enter_by_name(making->req, making->directory, making->name, &entry);
	if (result < 0)
		reply_refusal_at(making->req, making->directory, making->name, result, making->verb);
	else
		reply_entry(making->req, &entry);
	node_unref(making->directory);
	g_free(making->name);
	g_free(making->groups);
	g_free(making);
}

static void make(fuse_req_t req, Node *directory, const char *name, mode_t mode,
		 int (*how)(const char *name, mode_t mode, Object *out), const char *verb)
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
	node_ref(directory);
	/* Where no thread can be had, it keeps others waiting. */
	if (!directory->row->members->slow_create || worker_run(make_and_reply, making) < 0)
		make_and_reply(making);
}

static void refuse_new(fuse_req_t req, Node *directory, const char *name, const char *verb)
{
	if (directory->row->members && directory->row->members->create)
		why_refuse(EPERM, "objects are made with mkdir");
	else if (directory->row->members && directory->row->members->node)
		why_refuse(EPERM, "only special files are made here, such as with mkfifo");
	else
		why_refuse(EPERM, "nothing can be made here");
	reply_refusal_at(req, directory, name, -EPERM, verb);
}

void on_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	Node *directory = node_get(parent);
	const Members *members = directory->row->members;

	why_forget();
	if (members && members->create)
		make(req, directory, name, mode & 0666, members->create, "mkdir");
	else
		refuse_new(req, directory, name, "mkdir");
}

void on_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
	Node *directory = node_get(parent);
	const Members *members = directory->row->members;

	(void)device;
	why_forget();
	if (members && members->node)
		make(req, directory, name, mode, members->node, "mknod");
	else
		refuse_new(req, directory, name, "create");
}

/* Finds a member of the directory that can be changed by this caller, or refuses. */
static int find_member(Node *directory, const char *name, Found *out)
{
	int result = node_find(directory, name, out);

	if (result == 0 && out->row != directory->row->member)
		return why_refuse(EPERM, "this name is part of the tree");
	return result;
}

/* Removes a member, as the caller whom this thread plays. */
static int remove_object(Node *directory, const Found *found)
{
	const Members *members = directory->row->members;
	ObjectStat last;
	bool special = found->row->kind == SPECIAL && members->stat(&found->object, &last) == 0;
	int result = members->remove(&found->object);

	if (result == 0 && special)
		node_remove(directory, found, &last);
	return result;
}

/* rmdir and unlink of a member. */
static int remove_member(fuse_req_t req, Node *directory, const char *name, bool special)
{
	const Members *members = directory->row->members;
	Caller caller = caller_of(req);
	g_autofree gid_t *groups = NULL;
	Found found;
	int result = find_member(directory, name, &found);

	if (result < 0)
		return result;
	if (!members->remove || special != (found.row->kind == SPECIAL))
		return why_refuse(EPERM, "this is not an object that can be removed");
	groups = caller_groups(req, &caller);
	result = identity_assume(&caller);
	if (result < 0)
		return result;
	result = remove_object(directory, &found);
	identity_release();
	return result;
}

void on_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	Node *directory = node_get(parent);

	why_forget();
	reply_result_at(req, directory, name, remove_member(req, directory, name, false), "rmdir");
}

void on_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	Node *directory = node_get(parent);
	int result;

	why_forget();
	if (directory->row->member && directory->row->member->kind == SPECIAL)
		result = remove_member(req, directory, name, true);
	else
		result = why_refuse(EPERM, "the files of an object go with it: rmdir its directory");
	reply_result_at(req, directory, name, result, "rm");
}

/* A file takes the place of another one of its directory; an object's directory takes none that holds files. */
static int rename_member(fuse_req_t req, Node *directory, const char *name, const char *newname, bool replace)
{
	const Members *members = directory->row->members;
	Caller caller = caller_of(req);
	g_autofree gid_t *groups = NULL;
	Found found, other;
	bool taken;
	int result = find_member(directory, name, &found);

	if (result < 0)
		return result;
	if (!members->rename)
		return why_refuse(EPERM, "objects of this kind cannot be given another name");
	taken = node_find(directory, newname, &other) == 0;
	if (taken && !(replace && found.row->kind == SPECIAL && other.row == found.row))
		return why_refuse(EEXIST, "%s exists", newname);
	result = caller_permitted(req, found.members, &found.object, &caller, RIGHT_OWN);
	if (result == -EPERM)
		return why_refuse(EPERM, "only its owner or root may give it another name");
	if (result < 0)
		return result;
	groups = caller_groups(req, &caller);
	result = identity_assume(&caller);
	if (result < 0)
		return result;
	if (taken)
		result = remove_object(directory, &other);
	if (result == 0)
		result = members->rename(&found.object, newname);
	identity_release();
	if (result == 0)
		node_rename(directory, &found, newname);
	return result;
}

void on_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent, const char *newname,
	       unsigned flags)
{
	Node *directory = node_get(parent);
	int result;

	why_forget();
	if (flags & ~(unsigned)RENAME_NOREPLACE)
		result = -EINVAL;
	else if (parent != newparent)
		result = why_refuse(EXDEV, "an object stays in its directory");
	else
		result = rename_member(req, directory, name, newname, !(flags & RENAME_NOREPLACE));
	reply_result_at(req, directory, name, result, "mv");
}

/* -- What a tree of objects does not have --------------------------------------------------------------------------- */

void on_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	(void)target;
	why_forget();
	refuse_new(req, node_get(parent), name, "symlink");
}

void on_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent, const char *newname)
{
	(void)ino;
	why_forget();
	refuse_new(req, node_get(newparent), newname, "link");
}

void on_readlink(fuse_req_t req, fuse_ino_t ino)
{
	Node *node = node_get(ino);
	const Object object = node_object(node);
	const Caller caller = caller_of(req);
	g_autoptr(GString) target = g_string_new(NULL);
	int result = node->row->text->show(node->row, &object, &caller, target);

	if (result < 0)
		reply_refusal(req, node, result, "readlink");
	else
		fuse_reply_readlink(req, target->str);
}
