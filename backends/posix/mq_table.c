/*
 * The tables of message queues.
 *
 * Open queues: all streams that read, and all that write, share one descriptor. However many streams have a queue open, the
 * queue takes at most three descriptors, and the kernel bounds the number of queues (limits/mq_queues_max). The access mode of
 * an open(2) is kept in Handle.flags.
 *
 * Replacement: to resize a queue, the daemon removes it and creates another queue under its name (mq_resize.c). Streams must not
 * open the old queue meanwhile. Hence a queue is in `opening` while a thread opens it for a stream, and in `replaced` while it is
 * replaced, and never in both.
 *
 * Renumbering: a process whose working directory is the directory of the old queue is led to the new one. This is a convenience: the
 * map is bounded, and lost when the daemon ends. Such an object is then gone, as it would be without the map.
 *
 * Locking: `lock`, "the table lock", protects all tables and the reference counts. It is held for a few instructions.
 */
#include "backends/posix/mq_table.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "backends/core/host.h"

enum { RENUMBERED_MAX = 4096 };

static GMutex lock;
static GHashTable *opened;     /* Protected by lock. PosixMq -> itself, by inode and access. */
static GArray *opening;        /* Protected by lock. int64_t: inodes of queues that threads open now */
static GPtrArray *replaced;    /* Protected by lock. PosixMqReplaced, not owned */
static unsigned generation;    /* Protected by lock. */
static GHashTable *renumbered; /* Protected by lock. inode of a replaced queue -> that of the new one; both owned */

static guint queue_hash(gconstpointer data)
{
	const PosixMq *queue = data;

	return (guint)queue->inode * 4 + (guint)queue->access;
}

static gboolean queue_equal(gconstpointer a, gconstpointer b)
{
	const PosixMq *x = a, *y = b;

	return x->inode == y->inode && x->access == y->access;
}

/* Locks the tables, and creates them at the first call. */
static void tables_lock(void)
{
	g_mutex_lock(&lock);
	if (opened)
		return;
	opened = g_hash_table_new(queue_hash, queue_equal);
	opening = g_array_new(FALSE, FALSE, sizeof(int64_t));
	replaced = g_ptr_array_new();
	renumbered = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
}

static void tables_unlock(void)
{
	g_mutex_unlock(&lock);
}

/* -- Waiting -------------------------------------------------------------------------------------------------------- */

void posix_mq_key(int64_t inode, Direction direction, int64_t key[4])
{
	static const char ours; /* no other mechanism has its address in a key */

	key[0] = (int64_t)(intptr_t)&ours;
	key[1] = inode;
	key[2] = direction;
	key[3] = 0;
}

void posix_mq_wake(int64_t inode)
{
	static const Direction all[] = {READING, WRITING, HANGUP};

	for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
		int64_t key[4];

		posix_mq_key(inode, all[i], key);
		host_wake(key);
	}
}

void posix_mq_wake_name(const char *name)
{
	g_autoptr(GArray) inodes = g_array_new(FALSE, FALSE, sizeof(int64_t));
	GHashTableIter iter;
	gpointer queue;

	tables_lock();
	g_hash_table_iter_init(&iter, opened);
	/* Several queues may have had the name, one after the other. */
	while (g_hash_table_iter_next(&iter, &queue, NULL))
		if (!name || strcmp(name, ((const PosixMq *)queue)->name) == 0)
			g_array_append_val(inodes, ((const PosixMq *)queue)->inode);
	tables_unlock();
	for (guint i = 0; i < inodes->len; i++)
		posix_mq_wake(g_array_index(inodes, int64_t, i));
}

/* -- Open queues ---------------------------------------------------------------------------------------------------- */

/* Called with lock held. */
static PosixMq *hold_queue(int64_t inode, int access)
{
	const PosixMq key = {.inode = inode, .access = access};
	PosixMq *queue = g_hash_table_lookup(opened, &key);

	if (queue)
		queue->refs++;
	return queue;
}

PosixMq *posix_mq_hold(int64_t inode, int access)
{
	PosixMq *queue;

	tables_lock();
	queue = hold_queue(inode, access);
	tables_unlock();
	return queue;
}

void posix_mq_release(PosixMq *queue)
{
	bool last;

	tables_lock();
	last = --queue->refs == 0;
	if (last)
		g_hash_table_remove(opened, queue);
	tables_unlock();
	if (!last)
		return;
	close(queue->mqd);
	g_free(queue);
}

/* Called with lock held. */
static const PosixMqReplaced *find_replaced(const char *name, int64_t inode)
{
	for (guint i = 0; i < replaced->len; i++) {
		const PosixMqReplaced *entry = replaced->pdata[i];

		if (inode ? entry->inode == inode : strcmp(entry->name, name) == 0)
			return entry;
	}
	return NULL;
}

PosixMqOpening posix_mq_opening_begin(int64_t inode, int access, PosixMq **out)
{
	PosixMqOpening state = MQ_HELD;

	tables_lock();
	*out = hold_queue(inode, access);
	if (!*out)
		state = find_replaced(NULL, inode) ? MQ_REPLACED : MQ_OPENING;
	if (state == MQ_OPENING)
		g_array_append_val(opening, inode);
	tables_unlock();
	return state;
}

PosixMq *posix_mq_opening_end(int64_t inode, PosixMq *queue)
{
	PosixMq *shared = NULL;
	guint i = 0;

	tables_lock();
	if (queue)
		shared = hold_queue(queue->inode, queue->access);
	if (queue && !shared)
		g_hash_table_add(opened, queue);
	while (g_array_index(opening, int64_t, i) != inode)
		i++;
	g_array_remove_index_fast(opening, i);
	tables_unlock();
	if (!shared)
		return queue;
	close(queue->mqd);
	g_free(queue);
	return shared;
}

/* -- Replacement ---------------------------------------------------------------------------------------------------- */

/* Whether a stream has the queue open, or a thread opens it for a stream. Called with lock held. */
static bool is_open(int64_t inode)
{
	for (int access = O_RDONLY; access <= O_RDWR; access++) {
		const PosixMq key = {.inode = inode, .access = access};

		if (g_hash_table_contains(opened, &key))
			return true;
	}
	for (guint i = 0; i < opening->len; i++)
		if (g_array_index(opening, int64_t, i) == inode)
			return true;
	return false;
}

int posix_mq_replace_begin(PosixMqReplaced *entry)
{
	int result = 0;

	tables_lock();
	if (is_open(entry->inode))
		result = -EBUSY;
	else if (find_replaced(entry->name, 0) || find_replaced(NULL, entry->inode))
		result = -EAGAIN;
	else
		g_ptr_array_add(replaced, entry);
	tables_unlock();
	return result;
}

void posix_mq_replace_end(PosixMqReplaced *entry)
{
	int64_t key[4];

	tables_lock();
	g_ptr_array_remove_fast(replaced, entry);
	generation++;
	tables_unlock();
	posix_mq_key(entry->inode, OPENING, key);
	host_wake(key);
}

unsigned posix_mq_generation(void)
{
	unsigned result;

	tables_lock();
	result = generation;
	tables_unlock();
	return result;
}

int posix_mq_replaced(const char *name, int64_t inode)
{
	const PosixMqReplaced *entry;
	int fd = -ENOENT;

	tables_lock();
	entry = find_replaced(name, inode);
	if (entry) {
		fd = fcntl(entry->mqd, F_DUPFD_CLOEXEC, 0);
		fd = fd < 0 ? -errno : fd;
	}
	tables_unlock();
	return fd;
}

/* -- Renumbering ---------------------------------------------------------------------------------------------------- */

void posix_mq_renumber(int64_t from, int64_t to)
{
	tables_lock();
	if (g_hash_table_size(renumbered) >= RENUMBERED_MAX)
		g_hash_table_remove_all(renumbered);
	generation++;
	g_hash_table_remove(renumbered, &to);
	g_hash_table_insert(renumbered, g_memdup2(&from, sizeof from), g_memdup2(&to, sizeof to));
	tables_unlock();
}

int64_t posix_mq_inode(const Object *object)
{
	int64_t inode = object->id;
	const int64_t *next;

	tables_lock();
	while ((next = g_hash_table_lookup(renumbered, &inode)))
		inode = *next;
	tables_unlock();
	return inode;
}

bool posix_mq_is_renumbered(int64_t inode)
{
	bool result;

	tables_lock();
	result = g_hash_table_contains(renumbered, &inode);
	tables_unlock();
	return result;
}

void posix_mq_forget_renumbering(int64_t inode)
{
	tables_lock();
	g_hash_table_remove(renumbered, &inode);
	tables_unlock();
}
