/*
 * Queues that streams have open. Everybody who reads, and everybody who writes, has the same descriptor: however many open
 * one queue and wait for it, it takes a descriptor or three, and the kernel bounds the number of queues
 * (limits/mq_queues_max). What was granted at open(2) is kept by each open file itself (Handle.flags).
 *
 * The kernel wakes nobody who waits for a queue when that loses its name. Through the tree we know of it; of mq_unlink(3)
 * inotify(7) tells, with one watch on the directory of all queues. Where there is no directory, or no inotify to be had,
 * those who wait find out when they are woken by something else.
 *
 * A queue that is given another size is replaced by another one (posix_mq_remake.c), between which there is an instant without
 * any. Whoever comes through the tree meanwhile waits with his open, so that he gets the one or the other, and is told of the old one
 * where he only looks.
 *
 * Locking: `lock`, "the lock of open queues", guards the tables and the counts. It is held for a few instructions.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "backends/posix/mq.h"

#include "backends/core/host.h"

enum { WATCHER_STACK = 64 * 1024 };

static GMutex lock;
static GHashTable *opened;  /* Protected by lock. PosixMq -> itself, by inode and access. */
static GArray *opening;     /* Protected by lock. int64_t: inodes of queues on their way into that table. */
static GPtrArray *replaced; /* Protected by lock. PosixMqReplaced */

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

/* Called with lock held. */
static void tables_prepare(void)
{
	if (opened)
		return;
	opened = g_hash_table_new(queue_hash, queue_equal);
	opening = g_array_new(FALSE, FALSE, sizeof(int64_t));
	replaced = g_ptr_array_new();
}

bool posix_mq_removed(int mqd)
{
	struct stat stat;

	return fstat(mqd, &stat) == 0 && stat.st_nlink == 0;
}

/* -- Waking --------------------------------------------------------------------------------------------------------- */

void posix_mq_key(int64_t inode, Direction direction, int64_t key[4])
{
	static const char ours; /* whose address no other mechanism has in a key */

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

/* Wakes those who wait for queues of this name, NULL: for any. More may have had it, one after the other. */
static void wake_name(const char *name)
{
	g_autoptr(GArray) inodes = g_array_new(FALSE, FALSE, sizeof(int64_t));
	GHashTableIter iter;
	gpointer queue;

	g_mutex_lock(&lock);
	tables_prepare();
	g_hash_table_iter_init(&iter, opened);
	while (g_hash_table_iter_next(&iter, &queue, NULL))
		if (!name || strcmp(name, ((const PosixMq *)queue)->name) == 0)
			g_array_append_val(inodes, ((const PosixMq *)queue)->inode);
	g_mutex_unlock(&lock);
	for (guint i = 0; i < inodes->len; i++)
		posix_mq_wake(g_array_index(inodes, int64_t, i));
}

/* `data`: the inotify descriptor, whose only watch is for names that go. */
static void *watcher_main(void *data)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	int inotify = GPOINTER_TO_INT(data);
	ssize_t n;

	while ((n = read(inotify, events, sizeof events)) > 0 || errno == EINTR)
		for (const char *at = events; n > 0 && at < events + n;) {
			const struct inotify_event *event = (const struct inotify_event *)at;

			wake_name(event->len ? event->name : NULL); /* without a name: some were lost */
			at += sizeof *event + event->len;
		}
	close(inotify);
	return NULL;
}

static bool watcher_start(int inotify)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all;
	bool started;

	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, WATCHER_STACK);
	pthread_attr_setsigmask_np(&attributes, &all);
	started = pthread_create(&thread, &attributes, watcher_main, GINT_TO_POINTER(inotify)) == 0;
	pthread_attr_destroy(&attributes);
	return started;
}

static bool watch_start(int directory)
{
	int inotify = inotify_init1(IN_CLOEXEC);
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", directory);
	if (inotify >= 0 && inotify_add_watch(inotify, path, IN_DELETE) >= 0 && watcher_start(inotify))
		return true;
	if (inotify >= 0)
		close(inotify);
	return false;
}

/* Before anybody waits. A directory that was not there may be there the next time. */
static void watch_names(void)
{
	static gint watched;
	int directory;

	if (g_atomic_int_get(&watched))
		return;
	directory = posix_mq_directory();
	if (directory >= 0 && g_atomic_int_compare_and_exchange(&watched, false, true) && !watch_start(directory))
		g_atomic_int_set(&watched, false);
}

/* -- Opening -------------------------------------------------------------------------------------------------------- */

/* Called with lock held. */
static const PosixMqReplaced *find_replaced(const char *name, int64_t inode)
{
	for (guint i = 0; i < replaced->len; i++) {
		const PosixMqReplaced *one = replaced->pdata[i];

		if (inode ? one->inode == inode : strcmp(one->name, name) == 0)
			return one;
	}
	return NULL;
}

/* The queue as it is open already, held once more. Called with lock held. */
static PosixMq *take_open(int64_t inode, int access)
{
	const PosixMq key = {.inode = inode, .access = access};
	PosixMq *queue = g_hash_table_lookup(opened, &key);

	if (queue)
		queue->refs++;
	return queue;
}

/* Called with lock held. */
static void opening_ends(int64_t inode)
{
	guint i = 0;

	while (g_array_index(opening, int64_t, i) != inode)
		i++;
	g_array_remove_index_fast(opening, i);
}

/* Opens it and enters it into the table, unless another thread was first. */
static int open_queue(const Object *object, int64_t inode, int access, PosixMq **out)
{
	PosixMq *queue = NULL, *other = NULL;
	int mqd = posix_mq_open(object, access);
	struct stat stat;

	if (mqd >= 0 && fstat(mqd, &stat) == 0) {
		queue = g_new(PosixMq, 1);
		*queue = (PosixMq){.mqd = mqd, .access = access, .inode = (int64_t)stat.st_ino, .refs = 1};
		g_strlcpy(queue->name, object->name, sizeof queue->name);
	}
	g_mutex_lock(&lock);
	if (queue)
		other = take_open(queue->inode, access);
	if (queue && !other)
		g_hash_table_add(opened, queue);
	opening_ends(inode);
	g_mutex_unlock(&lock);
	if (mqd < 0)
		return mqd;
	if (!queue || other) {
		close(mqd);
		g_free(queue);
	}
	*out = other ? other : queue;
	return *out ? 0 : -EIO;
}

/* How far one has come to have a queue open. */
typedef enum Way { WAY_TAKEN, WAY_OPENING, WAY_WAITS } Way;

static Way way_in(int64_t inode, int access, PosixMq **out)
{
	Way way = WAY_TAKEN;

	g_mutex_lock(&lock);
	tables_prepare();
	*out = take_open(inode, access);
	if (!*out)
		way = find_replaced(NULL, inode) ? WAY_WAITS : WAY_OPENING;
	if (way == WAY_OPENING)
		g_array_append_val(opening, inode);
	g_mutex_unlock(&lock);
	return way;
}

int posix_mq_take(const Object *object, int access, PosixMq **out, int64_t *inode)
{
	PosixMq *queue;
	Way way;

	watch_names();
	*inode = posix_mq_inode(object);
	while ((way = way_in(*inode, access, &queue)) == WAY_OPENING) {
		const int64_t now = posix_mq_inode(object);

		/* From here on nothing takes its place. */
		if (now == *inode)
			return open_queue(object, now, access, out);
		g_mutex_lock(&lock);
		opening_ends(*inode);
		g_mutex_unlock(&lock);
		*inode = now;
	}
	if (way == WAY_WAITS)
		return -EAGAIN;
	if (posix_mq_removed(queue->mqd)) {
		posix_mq_give_back(queue);
		return -ENOENT;
	}
	*out = queue;
	return 0;
}

void posix_mq_give_back(PosixMq *queue)
{
	bool last;

	g_mutex_lock(&lock);
	last = --queue->refs == 0;
	if (last)
		g_hash_table_remove(opened, queue);
	g_mutex_unlock(&lock);
	if (!last)
		return;
	close(queue->mqd);
	g_free(queue);
}

int posix_mq_stat_open(int64_t inode, struct stat *out, PosixMqReport *report)
{
	static const int ways[] = {O_RDONLY, O_RDWR, O_WRONLY}; /* those that can be read first */
	PosixMq *queue = NULL;
	int result;

	g_mutex_lock(&lock);
	tables_prepare();
	for (size_t i = 0; !queue && i < G_N_ELEMENTS(ways); i++)
		queue = take_open(inode, ways[i]);
	g_mutex_unlock(&lock);
	if (!queue)
		return -ENOENT;
	result = fstat(queue->mqd, out) < 0 ? -errno : 0;
	if (queue->access != O_WRONLY)
		posix_mq_report(queue->mqd, report);
	posix_mq_give_back(queue);
	return result;
}

/* Called with lock held. */
static bool is_open(int64_t inode)
{
	bool is = false;

	for (int access = O_RDONLY; access <= O_RDWR && !is; access++) {
		const PosixMq key = {.inode = inode, .access = access};

		is = g_hash_table_contains(opened, &key);
	}
	for (guint i = 0; i < opening->len && !is; i++)
		is = g_array_index(opening, int64_t, i) == inode;
	return is;
}

bool posix_mq_is_open(int64_t inode)
{
	bool is;

	g_mutex_lock(&lock);
	tables_prepare();
	is = is_open(inode);
	g_mutex_unlock(&lock);
	return is;
}

/* -- Being replaced ------------------------------------------------------------------------------------------------- */

bool posix_mq_replace_begin(PosixMqReplaced *one)
{
	bool free;

	g_mutex_lock(&lock);
	tables_prepare();
	free = !is_open(one->inode);
	if (free)
		g_ptr_array_add(replaced, one);
	g_mutex_unlock(&lock);
	return free;
}

void posix_mq_replace_end(PosixMqReplaced *one)
{
	int64_t key[4];

	g_mutex_lock(&lock);
	g_ptr_array_remove_fast(replaced, one);
	g_mutex_unlock(&lock);
	posix_mq_key(one->inode, OPENING, key);
	host_wake(key);
}

int posix_mq_replaced(const char *name, int64_t inode)
{
	const PosixMqReplaced *one;
	int fd = -ENOENT;

	g_mutex_lock(&lock);
	tables_prepare();
	one = find_replaced(name, inode);
	if (one) {
		fd = fcntl(one->mqd, F_DUPFD_CLOEXEC, 0);
		fd = fd < 0 ? -errno : fd;
	}
	g_mutex_unlock(&lock);
	return fd;
}
