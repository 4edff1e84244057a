/* Inodes (inode.h, with callers and locks). */
#include "fs/inode.h"

#include <errno.h>
#include <string.h>

#include "fs/table.h"

enum { INODES_MAX = 1 << 22, OPEN_RETRIES_MAX = 4096, ROOT = FUSE_ROOT_ID };

/* A thread that got ESTALE, and the name that it will look up again. */
typedef struct OpenRetry {
	uint32_t parent;
	const FileDesc *desc;
	uint32_t slot; /* of the claimed inode */
} OpenRetry;

static Table *inodes;
static GMutex lock;              /* "the inode lock" */
static GHashTable *indexed;      /* Protected by lock. Inode -> itself, by the fields that inode_equal() compares */
static GHashTable *open_retries; /* Protected by lock. thread -> OpenRetry, owned */

static guint inode_hash(gconstpointer data)
{
	const Inode *inode = data;

	return g_str_hash(inode->object.name) ^ (guint)(inode->parent * 2654435761U) ^
	       (guint)((uintptr_t)inode->desc >> 4) ^ (guint)inode->object.id ^ (guint)inode->uid;
}

static gboolean inode_equal(gconstpointer a, gconstpointer b)
{
	const Inode *x = a, *y = b;

	return x->parent == y->parent && x->desc == y->desc && x->object.id == y->object.id &&
	       x->object.part == y->object.part && x->object.select == y->object.select && x->uid == y->uid &&
	       strcmp(x->object.name, y->object.name) == 0;
}

void inode_start(const FileDesc *tree)
{
	uint32_t slot;
	Inode *root;

	dirent_start(tree);
	inodes = table_new(sizeof(Inode), INODES_MAX);
	indexed = g_hash_table_new(inode_hash, inode_equal);
	open_retries = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	root = table_add(inodes, &slot);
	g_assert(slot == ROOT);
	*root = (Inode){.desc = tree, .slot = ROOT, .lookups = 1};
}

Inode *inode_get(fuse_ino_t ino)
{
	return table_at(inodes, (uint32_t)ino);
}

/* -- Finding -------------------------------------------------------------------------------------------------------- */

void inode_each_desc(const FileDesc *directory, void (*each)(void *data, const FileDesc *desc), void *data)
{
	for (const FileDesc *desc = directory->files; desc && desc->kind; desc++)
		each(data, desc);
	for (const FileDesc *const *desc = directory->mechanisms; desc && *desc; desc++)
		each(data, *desc);
}

static const FileDesc *find_desc(const FileDesc *directory, const char *name)
{
	for (const FileDesc *desc = directory->files; desc && desc->kind; desc++)
		if (strcmp(desc->name, name) == 0)
			return desc;
	for (const FileDesc *const *desc = directory->mechanisms; desc && *desc; desc++)
		if (strcmp((*desc)->name, name) == 0)
			return *desc;
	return NULL;
}

Dirent inode_fixed(Inode *directory, const FileDesc *desc)
{
	Dirent dirent = {.desc = desc, .members = directory->members, .object = inode_object(directory)};

	if (desc->kind == DIRECTORY && desc->which)
		dirent.object.select = desc->which;
	return dirent;
}

Dirent inode_member(Inode *directory, const Object *object)
{
	const DirOps *members = directory->desc->members;

	return (Dirent){
		.desc = members->desc ? members->desc(members->context, object) : directory->desc->member,
		.members = members->stat ? members : directory->members,
		.object = *object,
	};
}

int inode_find(Inode *directory, const char *name, Dirent *out)
{
	const FileDesc *desc = find_desc(directory->desc, name);
	const DirOps *members = directory->desc->members;
	Object parent = inode_object(directory), object;
	int result;

	if (desc) {
		*out = inode_fixed(directory, desc);
		return 0;
	}
	if (!members || !members->lookup)
		return -ENOENT;
	result = members->lookup(members->context, &parent, name, &object);
	if (result == 0)
		*out = inode_member(directory, &object);
	return result;
}

/* -- Holding -------------------------------------------------------------------------------------------------------- */

/* Whether the thread of this look-up got ESTALE for the same name. Called with lock held. */
static bool is_open_retry(const Inode *key, pid_t thread)
{
	const OpenRetry *retry = g_hash_table_lookup(open_retries, GINT_TO_POINTER(thread));

	return retry && retry->parent == key->parent && retry->desc == key->desc;
}

Inode *inode_enter(Inode *directory, const Dirent *dirent, uid_t uid, pid_t thread)
{
	const Inode key = {
		.desc = dirent->desc,
		.members = dirent->members,
		.object = dirent->object,
		.parent = directory->slot,
		.uid = desc_is_per_opener(dirent->desc) ? uid : 0,
	};
	Inode *inode = NULL;
	uint32_t slot;
	bool alone;

	g_mutex_lock(&lock);
	alone = desc_is_per_opener(dirent->desc) && is_open_retry(&key, thread);
	if (!alone)
		inode = g_hash_table_lookup(indexed, &key);
	if (inode) {
		inode->lookups++;
		g_mutex_unlock(&lock);
		return inode;
	}
	inode = table_add(inodes, &slot);
	if (inode) {
		*inode = key;
		inode->slot = slot;
		inode->lookups = 1;
		inode->indexed = !alone;
		directory->refs++;
		if (inode->indexed)
			g_hash_table_add(indexed, inode);
	}
	g_mutex_unlock(&lock);
	return inode;
}

bool inode_claim_writer(Inode *inode, pid_t thread)
{
	const OpenRetry *earlier;
	bool granted;

	g_mutex_lock(&lock);
	/* A retry that arrives at the same inode did not go by its name: it opens a descriptor's file (/dev/fd/N), and shares it. */
	earlier = g_hash_table_lookup(open_retries, GINT_TO_POINTER(thread));
	granted = inode->writers == 0 || inode->desc->kind == MEMORY || (earlier && earlier->slot == inode->slot);
	if (granted) {
		inode->writers++;
		if (inode->indexed)
			g_hash_table_remove(indexed, inode);
		inode->indexed = false;
		g_hash_table_remove(open_retries, GINT_TO_POINTER(thread));
	} else {
		OpenRetry *retry = g_new(OpenRetry, 1);

		*retry = (OpenRetry){.parent = inode->parent, .desc = inode->desc, .slot = inode->slot};
		if (g_hash_table_size(open_retries) >= OPEN_RETRIES_MAX) /* most threads never retried */
			g_hash_table_remove_all(open_retries);
		g_hash_table_replace(open_retries, GINT_TO_POINTER(thread), retry);
	}
	g_mutex_unlock(&lock);
	return granted;
}

void inode_release_writer(Inode *inode)
{
	g_mutex_lock(&lock);
	if (--inode->writers == 0 && !inode->indexed && !g_hash_table_contains(indexed, inode)) {
		inode->indexed = true;
		g_hash_table_add(indexed, inode);
	}
	g_mutex_unlock(&lock);
}

/* Frees the inode if nothing holds it, and then its parents likewise. Called with lock held. */
static void free_if_unheld(Inode *inode)
{
	while (inode->slot != ROOT && inode->refs == 0 && inode->lookups == 0) {
		Inode *parent = inode_get(inode->parent);

		if (inode->indexed)
			g_hash_table_remove(indexed, inode);
		table_drop(inodes, inode->slot);
		parent->refs--;
		inode = parent;
	}
}

void inode_forget(Inode *inode, uint64_t lookups)
{
	g_mutex_lock(&lock);
	inode->lookups -= MIN(lookups, inode->lookups);
	free_if_unheld(inode);
	g_mutex_unlock(&lock);
}

void inode_ref(Inode *inode)
{
	g_mutex_lock(&lock);
	inode->refs++;
	g_mutex_unlock(&lock);
}

void inode_unref(Inode *inode)
{
	g_mutex_lock(&lock);
	inode->refs--;
	free_if_unheld(inode);
	g_mutex_unlock(&lock);
}

bool inode_is_open(Inode *inode)
{
	bool open;

	g_mutex_lock(&lock);
	open = inode->refs > 0;
	g_mutex_unlock(&lock);
	return open;
}

/* -- Names ---------------------------------------------------------------------------------------------------------- */

Object inode_object(Inode *inode)
{
	Object object;

	g_mutex_lock(&lock);
	object = inode->object;
	g_mutex_unlock(&lock);
	return object;
}

void inode_rename(Inode *directory, const Dirent *dirent, const char *name)
{
	const Inode key = {.desc = dirent->desc, .object = dirent->object, .parent = directory->slot};
	Inode *inode;

	g_mutex_lock(&lock);
	inode = g_hash_table_lookup(indexed, &key);
	if (inode) {
		g_hash_table_remove(indexed, inode);
		g_strlcpy(inode->object.name, name, sizeof inode->object.name);
		/* If another inode has been entered under that name already, look-ups return that one. */
		inode->indexed = g_hash_table_add(indexed, inode);
	}
	g_mutex_unlock(&lock);
}

void inode_remove(Inode *directory, const Dirent *dirent, const ObjectStat *last)
{
	const Inode key = {.desc = dirent->desc, .object = dirent->object, .parent = directory->slot};
	Inode *inode;

	g_mutex_lock(&lock);
	inode = g_hash_table_lookup(indexed, &key);
	if (inode) {
		inode->removed = true;
		inode->last = *last;
	}
	g_mutex_unlock(&lock);
}

const DirOps *inode_members(Inode *inode)
{
	Inode *parent = inode->slot == ROOT ? NULL : inode_get(inode->parent);

	return parent && desc_is_member(inode->desc) ? parent->desc->members : NULL;
}

/* Prepends the name of an inode to a path. Called with lock held. */
static void prepend_name(GString *path, Inode *inode)
{
	const Object *object = &inode->object, *parent = &inode_get(inode->parent)->object;

	if (inode->desc->name) {
		g_string_prepend(path, inode->desc->name);
	} else if (object->id == parent->id && strcmp(object->name, parent->name) == 0) {
		/* A part of its parent, with the same name: a semaphore in memory, a priority. */
		g_autofree char *part = g_strdup_printf("%lld", (long long)object->part);

		g_string_prepend(path, part);
	} else {
		g_string_prepend(path, object->name);
	}
}

char *inode_path(Inode *inode, const char *name)
{
	GString *path = g_string_new(name);

	g_mutex_lock(&lock);
	for (; inode->slot != ROOT; inode = inode_get(inode->parent)) {
		if (path->len)
			g_string_prepend_c(path, '/');
		prepend_name(path, inode);
	}
	g_mutex_unlock(&lock);
	return g_string_free(path, FALSE);
}

/* -- Attributes ----------------------------------------------------------------------------------------------------- */

int inode_stat(Inode *inode, struct stat *out)
{
	const Dirent dirent = {.desc = inode->desc, .members = inode->members, .object = inode_object(inode)};
	ObjectStat stat;
	int result = 0;
	bool removed;

	if (!inode->members) {
		dirent_fill_stat(&dirent, NULL, out);
		return 0;
	}
	g_mutex_lock(&lock);
	removed = inode->removed;
	stat = inode->last;
	g_mutex_unlock(&lock);
	if (!removed)
		result = inode->members->stat(inode->members->context, &dirent.object, &stat);
	if (result == 0)
		dirent_fill_stat(&dirent, &stat, out);
	if (removed)
		out->st_nlink = 0;
	return result;
}
