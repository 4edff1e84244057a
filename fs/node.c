/*
 * Locking: `lock` guards the counts and the index of all nodes, and the name in each. It is held for a few instructions,
 * never over a call to a mechanism.
 */
#include "fs/node.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backends/core/host.h"
#include "fs/table.h"

enum {
	NODES_MAX = 1 << 22,
	RACERS_MAX = 4096,
	ROOT = FUSE_ROOT_ID,
	/*
	 * st_blksize of streams. stdio writes that much at a time and most readers take as much: above the largest message
	 * that one FUSE write carries, so that a message stays in one piece.
	 */
	STREAM_BLOCK = 1 << 20,
	/* The same where there are no messages: a read costs by what it asks for, each page of it, and gets what is there. */
	BYTES_BLOCK = 1 << 16,
	/* That of texts: as much as a text may have, since it is taken a write at a time (text.c). */
	TEXT_BLOCK = 65536,
};

/* Threads that were told ESTALE, and the stream that they will look up again. */
typedef struct Racer {
	uint32_t parent;
	const FileDesc *desc;
	uint32_t slot; /* of the node that was taken */
} Racer;
static uint64_t number_of(const FileDesc *desc, const Object *object);

static Table *nodes;
static GMutex lock;
static GHashTable *indexed; /* Protected by lock. Node -> itself, by what node_hash() reads. */
static GHashTable *racers;  /* Protected by lock. thread -> Racer, owned. */
static time_t started;
static uid_t daemon_uid; /* who owns what belongs to nobody else */
static gid_t daemon_gid;

static guint node_hash(gconstpointer data)
{
	const Node *node = data;

	return g_str_hash(node->object.name) ^ (guint)(node->parent * 2654435761U) ^
	       (guint)((uintptr_t)node->desc >> 4) ^ (guint)node->object.id ^ (guint)node->uid;
}

static gboolean node_equal(gconstpointer a, gconstpointer b)
{
	const Node *x = a, *y = b;

	return x->parent == y->parent && x->desc == y->desc && x->object.id == y->object.id &&
	       x->object.part == y->object.part && x->object.select == y->object.select && x->uid == y->uid &&
	       strcmp(x->object.name, y->object.name) == 0;
}

static const FileDesc *root_desc; /* set once, in node_start() */

void node_start(const FileDesc *tree)
{
	uint32_t slot;
	Node *root;

	started = time(NULL);
	daemon_uid = geteuid();
	daemon_gid = getegid();
	root_desc = tree;
	host_register(&(HostOps){.inode = number_of});
	nodes = table_new(sizeof(Node), NODES_MAX);
	indexed = g_hash_table_new(node_hash, node_equal);
	racers = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	root = table_add(nodes, &slot);
	g_assert(slot == ROOT);
	*root = (Node){.desc = tree, .slot = ROOT, .lookups = 1};
}

Node *node_get(fuse_ino_t ino)
{
	return table_at(nodes, (uint32_t)ino);
}

/* -- Finding -------------------------------------------------------------------------------------------------------- */

void node_each_desc(const FileDesc *directory, void (*each)(void *data, const FileDesc *desc), void *data)
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

Found node_fixed(Node *directory, const FileDesc *desc)
{
	Found found = {.desc = desc, .members = directory->members, .object = node_object(directory)};

	if (desc->kind == DIRECTORY && desc->which)
		found.object.select = desc->which;
	return found;
}

Found node_member(Node *directory, const Object *object)
{
	const DirOps *members = directory->desc->members;

	return (Found){
		.desc = members->desc ? members->desc(members->context, object) : directory->desc->member,
		.members = members->stat ? members : directory->members,
		.object = *object,
	};
}

int node_find(Node *directory, const char *name, Found *out)
{
	const FileDesc *desc = find_desc(directory->desc, name);
	const DirOps *members = directory->desc->members;
	Object at = node_object(directory), object;
	int result;

	if (desc) {
		*out = node_fixed(directory, desc);
		return 0;
	}
	if (!members || !members->lookup)
		return -ENOENT;
	result = members->lookup(members->context, &at, name, &object);
	if (result == 0)
		*out = node_member(directory, &object);
	return result;
}

/* -- Holding -------------------------------------------------------------------------------------------------------- */

/* Whether this look-up is that of a thread that lost a race for the same name. Called with lock held. */
static bool lost_race(const Node *key, pid_t thread)
{
	const Racer *racer = g_hash_table_lookup(racers, GINT_TO_POINTER(thread));

	return racer && racer->parent == key->parent && racer->desc == key->desc;
}

Node *node_enter(Node *directory, const Found *found, uid_t uid, pid_t thread)
{
	const Node key = {
		.desc = found->desc,
		.members = found->members,
		.object = found->object,
		.parent = directory->slot,
		.uid = node_parts_openers(found->desc) ? uid : 0,
	};
	Node *node = NULL;
	uint32_t slot;
	bool alone;

	g_mutex_lock(&lock);
	alone = node_parts_openers(found->desc) && lost_race(&key, thread);
	if (!alone)
		node = g_hash_table_lookup(indexed, &key);
	if (node) {
		node->lookups++;
		g_mutex_unlock(&lock);
		return node;
	}
	node = table_add(nodes, &slot);
	if (node) {
		*node = key;
		node->slot = slot;
		node->lookups = 1;
		node->indexed = !alone;
		directory->refs++;
		if (node->indexed)
			g_hash_table_add(indexed, node);
	}
	g_mutex_unlock(&lock);
	return node;
}

bool node_writer_begin(Node *node, pid_t thread)
{
	const Racer *before;
	bool granted;

	g_mutex_lock(&lock);
	/* Who comes back to the very node, and not by its name, opens a descriptor's file again (/dev/fd/N): the two share it. */
	before = g_hash_table_lookup(racers, GINT_TO_POINTER(thread));
	granted = node->writers == 0 || node->desc->kind == MEMORY || (before && before->slot == node->slot);
	if (granted) {
		node->writers++;
		if (node->indexed)
			g_hash_table_remove(indexed, node);
		node->indexed = false;
		g_hash_table_remove(racers, GINT_TO_POINTER(thread));
	} else {
		Racer *racer = g_new(Racer, 1);

		*racer = (Racer){.parent = node->parent, .desc = node->desc, .slot = node->slot};
		if (g_hash_table_size(racers) >= RACERS_MAX) /* of whom most never came back */
			g_hash_table_remove_all(racers);
		g_hash_table_replace(racers, GINT_TO_POINTER(thread), racer);
	}
	g_mutex_unlock(&lock);
	return granted;
}

void node_writer_end(Node *node)
{
	g_mutex_lock(&lock);
	if (--node->writers == 0 && !node->indexed && !g_hash_table_contains(indexed, node)) {
		node->indexed = true;
		g_hash_table_add(indexed, node);
	}
	g_mutex_unlock(&lock);
}

/* Ends a node that nobody holds, and then perhaps those above it. Called with lock held. */
static void settle(Node *node)
{
	while (node->slot != ROOT && node->refs == 0 && node->lookups == 0) {
		Node *parent = node_get(node->parent);

		if (node->indexed)
			g_hash_table_remove(indexed, node);
		table_drop(nodes, node->slot);
		parent->refs--;
		node = parent;
	}
}

void node_forget(Node *node, uint64_t lookups)
{
	g_mutex_lock(&lock);
	node->lookups -= MIN(lookups, node->lookups);
	settle(node);
	g_mutex_unlock(&lock);
}

void node_ref(Node *node)
{
	g_mutex_lock(&lock);
	node->refs++;
	g_mutex_unlock(&lock);
}

void node_unref(Node *node)
{
	g_mutex_lock(&lock);
	node->refs--;
	settle(node);
	g_mutex_unlock(&lock);
}

bool node_is_open(Node *node)
{
	bool is;

	g_mutex_lock(&lock);
	is = node->refs > 0;
	g_mutex_unlock(&lock);
	return is;
}

/* -- Names ---------------------------------------------------------------------------------------------------------- */

Object node_object(Node *node)
{
	Object object;

	g_mutex_lock(&lock);
	object = node->object;
	g_mutex_unlock(&lock);
	return object;
}

void node_rename(Node *directory, const Found *found, const char *name)
{
	const Node key = {.desc = found->desc, .object = found->object, .parent = directory->slot};
	Node *node;

	g_mutex_lock(&lock);
	node = g_hash_table_lookup(indexed, &key);
	if (node) {
		g_hash_table_remove(indexed, node);
		g_strlcpy(node->object.name, name, sizeof node->object.name);
		/* Another node may have been entered under that name already: then that one is found from now on. */
		node->indexed = g_hash_table_add(indexed, node);
	}
	g_mutex_unlock(&lock);
}

void node_remove(Node *directory, const Found *found, const ObjectStat *last)
{
	const Node key = {.desc = found->desc, .object = found->object, .parent = directory->slot};
	Node *node;

	g_mutex_lock(&lock);
	node = g_hash_table_lookup(indexed, &key);
	if (node) {
		node->removed = true;
		node->last = *last;
	}
	g_mutex_unlock(&lock);
}

const DirOps *node_is_member(Node *node)
{
	Node *parent = node->slot == ROOT ? NULL : node_get(node->parent);

	return parent && desc_is_member(node->desc) ? parent->desc->members : NULL;
}

/* Puts a node's name before what there is of a path. Called with lock held. */
static void prepend_name(GString *path, Node *node)
{
	const Object *object = &node->object, *above = &node_get(node->parent)->object;

	if (node->desc->name) {
		g_string_prepend(path, node->desc->name);
	} else if (object->id == above->id && strcmp(object->name, above->name) == 0) {
		/* A part of the object above, whose name it bears: a semaphore in memory, a priority. */
		g_autofree char *part = g_strdup_printf("%lld", (long long)object->part);

		g_string_prepend(path, part);
	} else {
		g_string_prepend(path, object->name);
	}
}

char *node_path(Node *node, const char *name)
{
	GString *path = g_string_new(name);

	g_mutex_lock(&lock);
	for (; node->slot != ROOT; node = node_get(node->parent)) {
		if (path->len)
			g_string_prepend_c(path, '/');
		prepend_name(path, node);
	}
	g_mutex_unlock(&lock);
	return g_string_free(path, FALSE);
}

/* -- Attributes ----------------------------------------------------------------------------------------------------- */

/* One number for one thing, whatever its node: what ls -i shows and find(1) trusts. */
static ino_t inode_number(const Found *found)
{
	uint64_t hash = (uintptr_t)found->desc / sizeof(void *);

	hash = hash * 0x9e3779b97f4a7c15ULL + (uint64_t)found->object.id;
	hash = hash * 0x9e3779b97f4a7c15ULL + (uint64_t)found->object.part;
	hash = hash * 0x9e3779b97f4a7c15ULL + (uint64_t)found->object.select;
	/* Special files and memory are one thing by whatever name they are found; memory shows this number in /proc/PID/maps. */
	if (found->desc->kind != SPECIAL && found->desc->kind != MEMORY)
		hash = hash * 0x9e3779b97f4a7c15ULL + g_str_hash(found->object.name);
	hash ^= hash >> 29;
	return found->desc == root_desc ? ROOT : hash | 2;
}

static uint64_t number_of(const FileDesc *desc, const Object *object)
{
	const Found found = {.desc = desc, .object = *object};

	return inode_number(&found);
}

static mode_t file_mode(const FileDesc *desc, mode_t object)
{
	mode_t mode = desc->mode & 0444 & object;

	return desc->mode == 0644 ? mode | 0200 : mode | (desc->mode & 0222 & object);
}

static mode_t directory_mode(const FileDesc *desc, mode_t object)
{
	mode_t mode = desc->mode ? desc->mode & object : object;

	return mode | ((mode & 0444) >> 2) | ((mode & 0222) >> 1);
}

void node_fill_stat(const Found *found, const ObjectStat *stat, struct stat *out)
{
	const FileDesc *desc = found->desc;
	bool directory = desc->kind == DIRECTORY;

	*out = (struct stat){
		.st_ino = inode_number(found),
		.st_nlink = directory ? 2 : 1,
		.st_mode = (directory          ? S_IFDIR :
			    desc->kind == LINK ? S_IFLNK :
						 S_IFREG) |
			   desc->mode,
		.st_uid = daemon_uid,
		.st_gid = daemon_gid,
		.st_blksize = desc->kind == TEXT   ? TEXT_BLOCK :
			      desc->kind != STREAM ? 4096 :
			      desc->stream->bytes  ? BYTES_BLOCK :
						     STREAM_BLOCK,
		.st_atim.tv_sec = started,
		.st_mtim.tv_sec = started,
		.st_ctim.tv_sec = started,
	};
	if (!stat)
		return;
	if (directory)
		out->st_mode = S_IFDIR | directory_mode(desc, stat->mode);
	else if (desc->kind == SPECIAL)
		out->st_mode = stat->mode;
	else if (desc->kind != LINK)
		out->st_mode = S_IFREG | file_mode(desc, stat->mode);
	out->st_uid = stat->uid;
	out->st_gid = stat->gid;
	out->st_size = directory || desc->kind == MEMORY ? stat->size : 0;
	/* cp(1) takes a file with fewer blocks than bytes for one with holes. */
	out->st_blocks = desc->kind == MEMORY ? (stat->size + 511) / 512 : 0;
	out->st_atim.tv_sec = stat->atime;
	out->st_mtim.tv_sec = stat->mtime;
	out->st_ctim.tv_sec = stat->ctime;
}

int node_stat(Node *node, struct stat *out)
{
	const Found found = {.desc = node->desc, .members = node->members, .object = node_object(node)};
	ObjectStat stat;
	int result = 0;
	bool removed;

	if (!node->members) {
		node_fill_stat(&found, NULL, out);
		return 0;
	}
	g_mutex_lock(&lock);
	removed = node->removed;
	stat = node->last;
	g_mutex_unlock(&lock);
	if (!removed)
		result = node->members->stat(node->members->context, &found.object, &stat);
	if (result == 0)
		node_fill_stat(&found, &stat, out);
	if (removed)
		out->st_nlink = 0;
	return result;
}
