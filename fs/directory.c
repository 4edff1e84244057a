/*
 * Directories: OPENDIR, READDIR, READDIRPLUS, RELEASEDIR.
 *
 * A read from the beginning lists the whole directory, on a worker if a mechanism lists members, since that may take
 * long. Later reads of the same open continue in that list, so a name that stays is returned exactly once. rewinddir(3)
 * lists again.
 *
 * Callers: libfuse, on a dispatcher thread, without locks. The kernel sends one READDIR of an open at a time, so the
 * list of a File needs no lock.
 */
#include <errno.h>

#include "backends/core/credentials.h"
#include "fs/caller.h"
#include "fs/file.h"
#include "fs/lookup.h"
#include "fs/operations.h"
#include "fs/reply.h"
#include "fs/wait/worker.h"

/*
 * ls -l looks up each name of a list several times. The names of a long list therefore hold for LONG_LIST_TIMEOUT
 * seconds, which lets ls look at one after the other. The names of a short list hold no longer than lookup.c says.
 */
enum { LONG_LIST = 1000 };
static const double LONG_LIST_TIMEOUT = 0.02;

typedef struct Name {
	Dirent dirent;
	struct stat attributes;
} Name;

static const char *name_text(const Name *name)
{
	return name->dirent.desc->name ? name->dirent.desc->name : name->dirent.object.name;
}

/* -- Listing -------------------------------------------------------------------------------------------------------- */

typedef struct Listing {
	Inode *directory;
	GArray *names;
	const ObjectStat *stat; /* of the object that the directory belongs to; NULL: of none */
} Listing;

static void add_fixed(void *data, const FileDesc *desc)
{
	Listing *listing = data;
	Name name = {.dirent = inode_fixed(listing->directory, desc)};

	dirent_fill_stat(&name.dirent, listing->stat, &name.attributes);
	g_array_append_val(listing->names, name);
}

static void add_member(void *data, const Object *object, const ObjectStat *stat)
{
	Listing *listing = data;
	Name name = {.dirent = inode_member(listing->directory, object)};
	ObjectStat member;

	if (!stat && name.dirent.members &&
	    name.dirent.members->stat(name.dirent.members->context, object, &member) == 0)
		stat = &member;
	dirent_fill_stat(&name.dirent, stat, &name.attributes);
	g_array_append_val(listing->names, name);
}

static int list_names(File *file)
{
	Inode *inode = file->inode;
	const DirOps *members = inode->desc->members;
	const Object object = inode_object(inode);
	Listing listing = {.directory = inode};
	ObjectStat stat;
	int result = 0;

	if (inode->members) {
		result = inode->members->stat(inode->members->context, &object, &stat);
		if (result < 0)
			return result;
		listing.stat = &stat;
	}
	listing.names = g_array_new(FALSE, FALSE, sizeof(Name));
	inode_each_desc(inode->desc, add_fixed, &listing);
	if (members && members->list)
		result = members->list(members->context, &object, add_member, &listing);
	if (result < 0) {
		g_array_unref(listing.names);
		return result;
	}
	if (file->names)
		g_array_unref(file->names);
	file->names = listing.names;
	return 0;
}

/* -- Replies ------------------------------------------------------------------------------------------------------- */

/* Adds one entry if it fits. Returns the bytes that it takes or would take. */
static size_t add_entry(fuse_req_t req, File *file, const Name *name, bool plus, char *buf, size_t room, off_t next)
{
	const char *text = name_text(name);
	struct fuse_entry_param entry = {.attr = name->attributes};
	size_t size;

	if (!plus)
		return fuse_add_direntry(req, buf, room, text, &name->attributes, next);
	size = fuse_add_direntry_plus(req, NULL, 0, text, NULL, 0);
	if (size > room)
		return size;
	/* Inode number 0 makes it no look-up: an inode that was listed could not belong to one opener alone (inode.h). */
	if (!desc_is_per_opener(name->dirent.desc) &&
	    lookup_enter(req, file->inode, &name->dirent, &name->attributes, &entry) < 0)
		entry.ino = 0;
	if (file->names->len > LONG_LIST) {
		entry.entry_timeout = MAX(entry.entry_timeout, LONG_LIST_TIMEOUT);
		entry.attr_timeout = MAX(entry.attr_timeout, LONG_LIST_TIMEOUT);
	}
	return fuse_add_direntry_plus(req, buf, room, text, &entry, next);
}

static size_t add_dots(fuse_req_t req, bool plus, char *buf, size_t room, off_t offset)
{
	static const char *const dots[] = {".", ".."};
	struct fuse_entry_param entry = {.attr = {.st_mode = S_IFDIR, .st_ino = FUSE_ROOT_ID}};
	size_t used = 0;

	for (; offset < 2; offset++) {
		size_t size =
			plus ? fuse_add_direntry_plus(req, buf + used, room - used, dots[offset], &entry, offset + 1) :
			       fuse_add_direntry(req, buf + used, room - used, dots[offset], &entry.attr, offset + 1);

		if (size > room - used)
			break;
		used += size;
	}
	return used;
}

static void reply_names(fuse_req_t req, File *file, size_t size, off_t offset, bool plus)
{
	g_autofree char *buf = g_malloc(size);
	size_t used = add_dots(req, plus, buf, size, offset);

	for (size_t i = offset > 2 ? offset - 2 : 0; i < file->names->len; i++) {
		const Name *name = &g_array_index(file->names, Name, i);
		size_t entry = add_entry(req, file, name, plus, buf + used, size - used, (off_t)i + 3);

		if (entry > size - used)
			break;
		used += entry;
	}
	fuse_reply_buf(req, buf, used);
}

/* list_names(), with the opener's credentials if not every user may see every member. */
static int list_as_opener(File *file)
{
	const DirOps *members = file->inode->desc->members;
	int result;

	if (!members || !members->private)
		return list_names(file);
	result = creds_override(&file->handle.caller);
	if (result < 0)
		return result;
	result = list_names(file);
	creds_revert();
	return result;
}

typedef struct ListJob {
	fuse_req_t req;
	File *file;
	size_t size;
	bool plus;
} ListJob;

static void list_and_reply(void *data)
{
	ListJob *job = data;
	int result;

	reply_working_for(job->req);
	result = list_as_opener(job->file);
	reply_working_for(NULL);
	if (result < 0)
		reply_refusal(job->req, job->file->inode, result, "ls");
	else
		reply_names(job->req, job->file, job->size, 0, job->plus);
	g_free(job);
}

static void read_directory(fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi, bool plus)
{
	File *file = file_get(fi->fh);
	const DirOps *members = file->inode->desc->members;
	ListJob *job;

	if (offset > 0 && file->names) {
		reply_names(req, file, size, offset, plus);
		return;
	}
	job = g_new(ListJob, 1);
	*job = (ListJob){.req = req, .file = file, .size = size, .plus = plus};
	if (!members || !members->list)
		list_and_reply(job);
	else if (worker_run(list_and_reply, job) < 0) {
		g_free(job);
		fuse_reply_err(req, ENOMEM);
	}
}

void on_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	read_directory(req, size, offset, fi, false);
}

void on_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	read_directory(req, size, offset, fi, true);
}

void on_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	Inode *inode = inode_get(ino);
	Caller caller = caller_of(req);
	bool private = inode->desc->members && inode->desc->members->private;
	gid_t *groups = private ? caller_groups(req, &caller) : NULL;
	File *file = file_new(inode, fi->flags, &caller, groups);

	if (!file) {
		fuse_reply_err(req, ENFILE);
		return;
	}
	fi->fh = file->slot;
	if (fuse_reply_open(req, fi) == -ENOENT)
		file_unref(file);
}

void on_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	file_unref(file_get(fi->fh));
	fuse_reply_err(req, 0);
}
