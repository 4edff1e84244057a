/*
 * Locking: `lock` guards the counts and the index of all nodes, and the name in each. It is held for a few instructions,
 * never over a call to a mechanism.
 */
#include "fs/node.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fs/table.h"

enum {
	NODES_MAX = 1 << 22,
	ROOT = FUSE_ROOT_ID,
	/*
	 * st_blksize of streams. stdio writes that much at a time and most readers take as much: above the largest message
	 * that one FUSE write carries, so that a message stays in one piece.
	 */
	STREAM_BLOCK = 1 << 20,
	/* That of texts: as much as a text may have, since it is taken a write at a time (text.c). */
	TEXT_BLOCK = 65536,
};

static Table *nodes;
static GMutex lock;
static GHashTable *indexed; /* Protected by lock. Node -> itself, by what node_hash() reads. */
static time_t started;
static uid_t daemon_uid; /* who owns what belongs to nobody else */
static gid_t daemon_gid;

static guint node_hash(gconstpointer data)
{
	const Node *node = data;

	return g_str_hash(node->object.name) ^ (guint)(node->parent * 2654435761U) ^
	       (guint)((uintptr_t)node->row >> 4) ^ (guint)node->object.id ^ (guint)node->uid;
}

static gboolean node_equal(gconstpointer a, gconstpointer b)
{
	const Node *x = a, *y = b;

	return x->parent == y->parent && x->row == y->row && x->object.id == y->object.id &&
	       x->object.part == y->object.part && x->object.select == y->object.select && x->uid == y->uid &&
	       strcmp(x->object.name, y->object.name) == 0;
}

void node_start(void)
{
	uint32_t slot;
	Node *root;

	started = time(NULL);
	daemon_uid = geteuid();
	daemon_gid = getegid();
	nodes = table_new(sizeof(Node), NODES_MAX);
	indexed = g_hash_table_new(node_hash, node_equal);
	root = table_add(nodes, &slot);
	g_assert(slot == ROOT);
	*root = (Node){.row = &tree_root, .slot = ROOT, .lookups = 1};
}

Node *node_get(fuse_ino_t ino)
{
	return table_at(nodes, (uint32_t)ino);
}

/* -- Finding -------------------------------------------------------------------------------------------------------- */

void node_each_row(const Row *directory, void (*each)(void *data, const Row *row), void *data)
{
	for (const Row *row = directory->rows; row && row->kind; row++)
		each(data, row);
	for (const Row *const *row = directory->mechanisms; row && *row; row++)
		each(data, *row);
}

static const Row *find_row(const Row *directory, const char *name)
{
	for (const Row *row = directory->rows; row && row->kind; row++)
		if (strcmp(row->name, name) == 0)
			return row;
	for (const Row *const *row = directory->mechanisms; row && *row; row++)
		if (strcmp((*row)->name, name) == 0)
			return *row;
	return NULL;
}

Found node_fixed(Node *directory, const Row *row)
{
	return (Found){.row = row, .members = directory->members, .object = node_object(directory)};
}

Found node_member(Node *directory, const Object *object)
{
	const Members *members = directory->row->members;

	return (Found){
		.row = directory->row->member,
		.members = members->stat ? members : directory->members,
		.object = *object,
	};
}

int node_find(Node *directory, const char *name, Found *out)
{
	const Row *row = find_row(directory->row, name);
	const Members *members = directory->row->members;
	Object at = node_object(directory), object;
	int result;

	if (row) {
		*out = node_fixed(directory, row);
		return 0;
	}
	if (!members || !members->lookup)
		return -ENOENT;
	result = members->lookup(&at, name, &object);
	if (result == 0)
		*out = node_member(directory, &object);
	return result;
}

/* -- Holding -------------------------------------------------------------------------------------------------------- */

/*
 * Whether look-ups may share a node. Not of what can only be written: whoever looks it up opens it for writing, and of two
 * that race for one node the second one's O_TRUNC would wait, beyond the reach of any signal, for the first one's write; which
 * may be waiting for what the second one is about to write (a semaphore's -1 and +1).
 */
static bool is_shared(const Row *row)
{
	return row->kind != STREAM || (row->mode & 0444);
}

Node *node_enter(Node *directory, const Found *found, uid_t uid)
{
	const Node key = {
		.row = found->row,
		.members = found->members,
		.object = found->object,
		.parent = directory->slot,
		.uid = found->row->kind == STREAM ? uid : 0,
	};
	uint32_t slot;
	Node *node;

	g_mutex_lock(&lock);
	node = is_shared(key.row) ? g_hash_table_lookup(indexed, &key) : NULL;
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
		node->indexed = is_shared(key.row);
		directory->refs++;
		if (node->indexed)
			g_hash_table_add(indexed, node);
	}
	g_mutex_unlock(&lock);
	return node;
}

void node_writer(Node *node, bool opened)
{
	g_mutex_lock(&lock);
	if (opened) {
		node->writers++;
		if (node->indexed)
			g_hash_table_remove(indexed, node);
		node->indexed = false;
	} else if (--node->writers == 0 && is_shared(node->row) && !g_hash_table_contains(indexed, node)) {
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
	const Node key = {.row = found->row, .object = found->object, .parent = directory->slot};
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

const Members *node_is_member(Node *node)
{
	Node *parent = node->slot == ROOT ? NULL : node_get(node->parent);

	return parent && parent->row->member == node->row ? parent->row->members : NULL;
}

char *node_path(Node *node, const char *name)
{
	GString *path = g_string_new(name);

	g_mutex_lock(&lock);
	for (; node->slot != ROOT; node = node_get(node->parent)) {
		if (path->len)
			g_string_prepend_c(path, '/');
		g_string_prepend(path, node->row->name ? node->row->name : node->object.name);
	}
	g_mutex_unlock(&lock);
	return g_string_free(path, FALSE);
}

/* -- Attributes ----------------------------------------------------------------------------------------------------- */

/* One number for one thing, whatever its node: what ls -i shows and find(1) trusts. */
static ino_t inode_number(const Found *found)
{
	uint64_t hash = (uintptr_t)found->row / sizeof(void *);

	hash = hash * 0x9e3779b97f4a7c15ULL + (uint64_t)found->object.id;
	hash = hash * 0x9e3779b97f4a7c15ULL + (uint64_t)found->object.part;
	hash = hash * 0x9e3779b97f4a7c15ULL + (uint64_t)found->object.select;
	hash = hash * 0x9e3779b97f4a7c15ULL + g_str_hash(found->object.name);
	hash ^= hash >> 29;
	return found->row == &tree_root ? ROOT : hash | 2;
}

static mode_t file_mode(const Row *row, mode_t object)
{
	mode_t mode = row->mode & 0444 & object;

	return row->mode == 0644 ? mode | 0200 : mode | (row->mode & 0222 & object);
}

void node_fill_stat(const Found *found, const ObjectStat *stat, struct stat *out)
{
	const Row *row = found->row;
	bool directory = row->kind == DIRECTORY;

	*out = (struct stat){
		.st_ino = inode_number(found),
		.st_nlink = directory ? 2 : 1,
		.st_mode = (directory         ? S_IFDIR :
			    row->kind == LINK ? S_IFLNK :
						S_IFREG) |
			   row->mode,
		.st_uid = daemon_uid,
		.st_gid = daemon_gid,
		.st_blksize = row->kind == STREAM ? STREAM_BLOCK : TEXT_BLOCK,
		.st_atim.tv_sec = started,
		.st_mtim.tv_sec = started,
		.st_ctim.tv_sec = started,
	};
	if (!stat)
		return;
	if (directory)
		out->st_mode = S_IFDIR | stat->mode | ((stat->mode & 0444) >> 2) | ((stat->mode & 0222) >> 1);
	else if (row->kind == SPECIAL)
		out->st_mode = stat->mode;
	else if (row->kind != LINK)
		out->st_mode = S_IFREG | file_mode(row, stat->mode);
	out->st_uid = stat->uid;
	out->st_gid = stat->gid;
	out->st_size = directory ? stat->size : 0;
	out->st_atim.tv_sec = stat->atime;
	out->st_mtim.tv_sec = stat->mtime;
	out->st_ctim.tv_sec = stat->ctime;
}

int node_stat(Node *node, struct stat *out)
{
	const Found found = {.row = node->row, .members = node->members, .object = node_object(node)};
	ObjectStat stat;
	int result;

	if (!node->members) {
		node_fill_stat(&found, NULL, out);
		return 0;
	}
	result = node->members->stat(&found.object, &stat);
	if (result == 0)
		node_fill_stat(&found, &stat, out);
	return result;
}
