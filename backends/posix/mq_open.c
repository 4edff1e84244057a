/*
 * Opening queues for streams, and the thread that watches for their removal.
 *
 * The kernel does not wake the processes that wait for a queue when the queue loses its name. A removal through the tree wakes
 * them directly (mq_members.c). For mq_unlink(3) a thread reads inotify(7) events of the directory of all queues. Without a
 * directory, or without inotify, a waiting request notices the removal when another event wakes it.
 */
#include "backends/posix/mq_open.h"

#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "backends/core/thread.h"

enum { WATCHER_STACK = 64 * 1024 };

/* -- Removal -------------------------------------------------------------------------------------------------------- */

/* `data`: the inotify descriptor, whose only watch reports the names that are removed. */
static void *watcher_main(void *data)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	int inotify = GPOINTER_TO_INT(data);
	ssize_t n;

	while ((n = read(inotify, events, sizeof events)) > 0 || errno == EINTR)
		for (const char *next = events; n > 0 && next < events + n;) {
			const struct inotify_event *event = (const struct inotify_event *)next;

			/* An event without a name: the kernel has dropped events. */
			posix_mq_wake_name(event->len ? event->name : NULL);
			next += sizeof *event + event->len;
		}
	close(inotify);
	return NULL;
}

static bool watch_start(int directory)
{
	int inotify = inotify_init1(IN_CLOEXEC);
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", directory);
	if (inotify >= 0 && inotify_add_watch(inotify, path, IN_DELETE) >= 0 &&
	    thread_start(watcher_main, GINT_TO_POINTER(inotify), WATCHER_STACK))
		return true;
	if (inotify >= 0)
		close(inotify);
	return false;
}

/* Starts the watcher before the first stream can wait. A directory that does not exist yet may exist at the next open. */
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

/* Opens the queue after MQ_OPENING. */
static int open_queue(const Object *object, int64_t inode, int access, PosixMq **out)
{
	PosixMq *queue = NULL;
	int mqd = posix_mq_open(object, access);
	struct stat stat;

	if (mqd >= 0 && fstat(mqd, &stat) == 0) {
		queue = g_new(PosixMq, 1);
		*queue = (PosixMq){.mqd = mqd, .access = access, .inode = (int64_t)stat.st_ino, .refs = 1};
		g_strlcpy(queue->name, object->name, sizeof queue->name);
	} else if (mqd >= 0) {
		close(mqd);
		mqd = -EIO;
	}
	*out = posix_mq_opening_end(inode, queue);
	return *out ? 0 : mqd;
}

int posix_mq_take(const Object *object, int access, PosixMq **out, int64_t *inode)
{
	PosixMqOpening state;
	PosixMq *queue;

	watch_names();
	*inode = posix_mq_inode(object);
	while ((state = posix_mq_opening_begin(*inode, access, &queue)) == MQ_OPENING) {
		const int64_t current = posix_mq_inode(object);

		/* The queue was not replaced in between, and cannot be until the opening ends. */
		if (current == *inode)
			return open_queue(object, current, access, out);
		posix_mq_opening_end(*inode, NULL);
		*inode = current;
	}
	if (state == MQ_REPLACED)
		return -EAGAIN;
	if (posix_mq_removed(queue->mqd)) {
		posix_mq_release(queue);
		return -ENOENT;
	}
	*out = queue;
	return 0;
}

int posix_mq_stat_open(int64_t inode, struct stat *out, PosixMqReport *report)
{
	static const int modes[] = {O_RDONLY, O_RDWR, O_WRONLY}; /* a report needs one that can be read */
	PosixMq *queue = NULL;
	int result;

	for (size_t i = 0; !queue && i < G_N_ELEMENTS(modes); i++)
		queue = posix_mq_hold(inode, modes[i]);
	if (!queue)
		return -ENOENT;
	result = fstat(queue->mqd, out) < 0 ? -errno : 0;
	if (queue->access != O_WRONLY)
		posix_mq_report(queue->mqd, report);
	posix_mq_release(queue);
	return result;
}
