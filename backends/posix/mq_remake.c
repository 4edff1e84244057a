/*
 * Another maxmsg or msgsize for a queue, which the kernel does not know: an empty queue that nobody uses is made anew under
 * its name, as the caller, with the same owner and mode.
 *
 * No message may be lost by it. Nobody uses the queue if no process has it open: all of /proc is looked through for that,
 * which takes a while, and an inotify watch, made before, tells of whoever opens it meanwhile. The child that makes the new
 * queue (posix_mq_create.c) looks at that watch last, and then removes the old one, from which moment nobody can come any more.
 * If somebody has opened the old queue within these microseconds and sent to it already, the new one is made just like it and
 * gets the message. From the tree nobody comes in between: see posix_mq_opened.c.
 *
 * What could be refused is found out first, by a queue of that kind under another name which goes at once.
 *
 * Who knew the old inode (a shell in its directory) is led to the new one by `moved`. It is a convenience only: after a
 * restart such an object is gone, as it would be without.
 *
 * Locking: `lock` guards `moved`.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "backends/core/credentials.h"
#include "backends/core/host.h"
#include "backends/posix/mq.h"
#include "backends/core/procfs.h"
#include "backends/core/refusal.h"

enum { MOVED_MAX = 4096, TRIES = 5 };

static GMutex lock;
static GHashTable *moved; /* Protected by lock. An inode that is no more -> that of the queue made of it; both owned. */

int64_t posix_mq_inode(const Object *object)
{
	int64_t inode = object->id;
	const int64_t *next;

	g_mutex_lock(&lock);
	while (moved && (next = g_hash_table_lookup(moved, &inode)))
		inode = *next;
	g_mutex_unlock(&lock);
	return inode;
}

bool posix_mq_has_moved(int64_t inode)
{
	bool has;

	g_mutex_lock(&lock);
	has = moved && g_hash_table_contains(moved, &inode);
	g_mutex_unlock(&lock);
	return has;
}

/* Numbers come again: one that a living queue has stands for that, not for what another one was made into. */
void posix_mq_lives(int64_t inode)
{
	g_mutex_lock(&lock);
	if (moved)
		g_hash_table_remove(moved, &inode);
	g_mutex_unlock(&lock);
}

static void note_move(int64_t from, int64_t to)
{
	g_mutex_lock(&lock);
	if (!moved)
		moved = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
	if (g_hash_table_size(moved) >= MOVED_MAX)
		g_hash_table_remove_all(moved);
	g_hash_table_remove(moved, &to);
	g_hash_table_insert(moved, g_memdup2(&from, sizeof from), g_memdup2(&to, sizeof to));
	g_mutex_unlock(&lock);
}

/* -- Who has it open ------------------------------------------------------------------------------------------------ */

typedef struct Search {
	const char *name;
	int64_t inode;
	pid_t found; /* 0: nobody yet */
	int result;  /* or a negative errno: not all could be looked at */
} Search;

/* Whether a descriptor is of the queue, by what /proc says of it: to ask the file itself might take for ever. */
static bool is_queue(const Search *search, int process, const char *number)
{
	char link[PATH_MAX], file[64];
	g_autofree char *info = NULL;
	const char *last;
	ssize_t n;

	snprintf(file, sizeof file, "fd/%s", number);
	n = readlinkat(process, file, link, sizeof link - 1);
	if (n <= 0)
		return false;
	link[n] = '\0';
	last = strrchr(link, '/');
	if (!last || strcmp(last + 1, search->name) != 0)
		return false;
	snprintf(file, sizeof file, "fdinfo/%s", number);
	info = procfs_read(process, file);
	return info && (int64_t)procfs_number(info, "ino", 10) == search->inode;
}

/* Looks through the descriptors of a process whose directory in /proc is open. */
static bool has_queue(const Search *search, int process)
{
	int fds = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fds >= 0 ? fdopendir(fds) : NULL;
	const struct dirent *entry;
	bool found = false;

	if (!folder)
		return false; /* it has ended, or is none of an ordinary user's daemon's business */
	while (!found && (entry = readdir(folder)))
		found = entry->d_name[0] != '.' && is_queue(search, process, entry->d_name);
	closedir(folder);
	return found;
}

static void search_process(void *data, pid_t pid)
{
	Search *search = data;
	ProcessStat stat;
	int process;

	if (search->found || search->result < 0 || pid == getpid())
		return;
	if (host_interrupted()) {
		search->result = -EINTR;
		return;
	}
	process = procfs_open(pid, 0);
	if (process < 0) {
		search->result = process == -ESRCH ? 0 : process;
		return;
	}
	/* A child of ours that has just been forked has what we have. */
	if (has_queue(search, process) && procfs_stat(process, &stat) == 0 && stat.parent != getpid())
		search->found = pid;
	close(process);
}

static int refuse_open(void)
{
	return refuse(EBUSY, "it is open here, and has to be made anew for that");
}

/* 0, or -EBUSY with the reason. */
static int find_use(int mqd, const char *name, int64_t inode)
{
	Search search = {.name = name, .inode = inode};
	PosixMqReport report;
	struct mq_attr attr;
	int result = posix_mq_report(mqd, &report);

	if (result == 0 && mq_getattr(mqd, &attr) < 0)
		result = -errno;
	if (result < 0)
		return result;
	if (attr.mq_curmsgs > 0)
		return refuse(EBUSY, "%ld messages are queued, and it has to be made anew for that", attr.mq_curmsgs);
	if (posix_mq_is_open(inode))
		return refuse_open();
	if (report.registered)
		return refuse(EBUSY, "process %d is to be notified of a message, and it has to be made anew for that",
			      (int)report.pid);
	result = procfs_each("/proc", search_process, &search);
	if (result < 0 || search.result < 0)
		return result < 0 ? result : search.result;
	if (search.found)
		return refuse(EBUSY, "process %d has it open, and it has to be made anew for that", (int)search.found);
	return 0;
}

/* -- Making it anew ------------------------------------------------------------------------------------------------- */

typedef struct Remaking {
	const char *name;
	int old, inotify;
	struct stat stat;
	struct mq_attr before, after;
} Remaking;

static void remaking_clear(Remaking *remaking)
{
	if (remaking->old >= 0)
		close(remaking->old);
	if (remaking->inotify >= 0)
		close(remaking->inotify);
}

/* As the daemon. Whatever comes of it is to be cleared. */
static int remaking_begin(Remaking *remaking, const Object *object)
{
	char path[64];

	*remaking = (Remaking){.name = object->name, .inotify = -1, .old = posix_mq_open(object, O_RDWR)};
	if (remaking->old < 0)
		return remaking->old == -EACCES ? refuse(EACCES, "this takes the right to read and write it") :
						  remaking->old;
	if (fstat(remaking->old, &remaking->stat) < 0 || mq_getattr(remaking->old, &remaking->before) < 0)
		return -errno;
	remaking->after = remaking->before;
	remaking->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	snprintf(path, sizeof path, "/proc/self/fd/%d", remaking->old);
	if (remaking->inotify < 0 || inotify_add_watch(remaking->inotify, path, IN_OPEN) < 0)
		return refuse(errno, "the daemon gets no inotify watch: %s", g_strerror(errno));
	return 0;
}

/* Gives the new queue what its maker could not, and what has come into the old one. As the daemon. */
static int remaking_end(const Remaking *remaking, int64_t inode)
{
	Object object = {.id = inode};
	g_autofree char *bytes = g_malloc(remaking->before.mq_msgsize);
	unsigned priority;
	struct stat stat;
	ssize_t n;
	int mqd, result = 0;

	note_move((int64_t)remaking->stat.st_ino, inode);
	g_strlcpy(object.name, remaking->name, sizeof object.name);
	mqd = posix_mq_open(&object, O_RDWR);
	if (mqd < 0)
		return mqd == -ENOENT ? 0 : mqd; /* somebody has removed it at once */
	if (fstat(mqd, &stat) < 0 || ((stat.st_uid != remaking->stat.st_uid || stat.st_gid != remaking->stat.st_gid) &&
				      fchown(mqd, remaking->stat.st_uid, remaking->stat.st_gid)))
		result = refuse(errno, "it is made anew, but its group could not be kept");
	while ((n = mq_receive(remaking->old, bytes, (size_t)remaking->before.mq_msgsize, &priority)) >= 0)
		if (mq_send(mqd, bytes, (size_t)n, priority) < 0) {
			mq_send(remaking->old, bytes, (size_t)n, priority); /* who sent it has that one still open */
			break;
		}
	close(mqd);
	return result;
}

/* No new queue has come of it. */
static int refuse_replacing(int error)
{
	if (error == -EPERM || error == -EACCES)
		return refuse(EPERM, "only its owner or root may do this: it has to be made anew for that");
	if (error == -EEXIST)
		return refuse(EEXIST,
			      "another program took the name at that moment; the queue, which was empty, is gone");
	return error;
}

/* Has the new queue take the place of the old one. -ESTALE: somebody has opened that, as a program of its own. */
static int replace(const Remaking *remaking)
{
	const PosixMqOrder order = {
		.name = remaking->name,
		.mode = remaking->stat.st_mode & 0666,
		.attr = &remaking->after,
		.replaces = remaking->old,
		.opened = remaking->inotify,
		.before = &remaking->before,
	};
	int64_t inode = 0;
	int result = posix_mq_make(&order, &inode), ended;

	if (!inode)
		return refuse_replacing(result);
	creds_raise();
	ended = remaking_end(remaking, inode);
	creds_lower();
	if (result == -EBUSY)
		return refuse(EBUSY, "somebody sent to it at that moment, and it has been made anew as it was");
	return result < 0 ? result : ended;
}

static int try_remaking(const Remaking *remaking)
{
	PosixMqReplaced replaced = {
		.name = remaking->name, .inode = (int64_t)remaking->stat.st_ino, .mqd = remaking->old};
	char events[4096];
	int result;

	creds_raise();
	while (read(remaking->inotify, events, sizeof events) > 0)
		;
	result = find_use(remaking->old, remaking->name, replaced.inode);
	creds_lower();
	if (result < 0)
		return result;
	if (!posix_mq_replace_begin(&replaced))
		return refuse_open();
	result = replace(remaking);
	posix_mq_replace_end(&replaced);
	return result;
}

static int make_anew(const Remaking *remaking)
{
	const PosixMqOrder trial = {
		.name = remaking->name, .mode = 0600, .attr = &remaking->after, .trial = true, .replaces = -1};
	int64_t inode = 0;
	int result = posix_mq_make(&trial, &inode);

	if (result < 0)
		return result;
	for (int tries = 0; tries < TRIES; tries++) {
		result = try_remaking(remaking);
		if (result != -ESTALE)
			break;
	}
	if (result == -ESTALE)
		return refuse(EBUSY, "others keep opening it, and it has to be made anew for that");
	return result;
}

int posix_mq_remake(const Object *object, int which, int64_t value)
{
	Remaking remaking;
	long *wanted = which == MQ_MAXMSG ? &remaking.after.mq_maxmsg : &remaking.after.mq_msgsize;
	int result;

	creds_raise();
	result = remaking_begin(&remaking, object);
	creds_lower();
	if (result == 0 && *wanted != value) {
		*wanted = (long)value;
		result = make_anew(&remaking);
	}
	creds_raise();
	remaking_clear(&remaking);
	creds_lower();
	return result;
}
