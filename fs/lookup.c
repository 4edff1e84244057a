/*
 * Look-ups: LOOKUP, FORGET, and how long the kernel may remember a name and its attributes.
 *
 * libfuse calls the operations on a dispatcher thread. Most look-ups get their reply at once. The look-up of a
 * directory whose mechanism may take long (DirOps.slow) runs on a worker: it may be stuck in a file system that does
 * not answer, in a system call that no signal ends.
 *
 * The kernel locks a directory during a look-up. A process that looks up the same name, or makes one there, waits for
 * that lock and cannot be killed. A slow look-up therefore gets a reply from another thread, lookup_main(), when it is
 * interrupted or has taken PATIENCE_MS. The worker drops its result when it returns.
 *
 * Locking: "the look-up lock" guards the slow look-ups. It is held for a few instructions.
 * libfuse's lock of a request is taken before it (in the interrupt callback), never after.
 */
#include <errno.h>

#include "backends/core/credentials.h"
#include "backends/core/quota.h"
#include "backends/core/refusal.h"
#include "backends/core/thread.h"
#include "fs/caller.h"
#include "fs/lookup.h"
#include "fs/operations.h"
#include "fs/reply.h"
#include "fs/wait/worker.h"

/*
 * In seconds. The tree outside objects never changes. Other programs can make and remove objects at any time, so the
 * attributes of an object hold only for the permission checks of the same system call, rounded up to a tick of the
 * kernel's clock.
 */
static const double TREE_TIMEOUT = 3600, NAME_TIMEOUT = 1, SYSCALL_TIMEOUT = 0.001;

double lookup_attributes_timeout(const DirOps *members)
{
	if (!members)
		return TREE_TIMEOUT;
	return members->lasting ? SYSCALL_TIMEOUT : 0;
}

static double entry_timeout(const Dirent *dirent)
{
	if (desc_is_per_opener(dirent->desc))
		return 0;
	if (desc_is_member(dirent->desc) && !dirent->members->lasting)
		return 0;
	return dirent->members ? NAME_TIMEOUT : TREE_TIMEOUT;
}

int lookup_enter(fuse_req_t req, Inode *directory, const Dirent *dirent, const struct stat *attributes,
		 struct fuse_entry_param *out)
{
	Inode *inode = inode_enter(directory, dirent, fuse_req_ctx(req)->uid, fuse_req_ctx(req)->pid);

	if (!inode)
		return refuse(ENFILE, "limit reached: the kernel remembers too many names of this tree: close files");
	*out = (struct fuse_entry_param){
		.ino = inode->slot,
		.attr = *attributes,
		.attr_timeout = dirent->members ? SYSCALL_TIMEOUT : TREE_TIMEOUT,
		.entry_timeout = entry_timeout(dirent),
	};
	return 0;
}

/* The caller and the directory of a look-up. It outlives the FUSE request. */
typedef struct Looker {
	Inode *directory;
	Caller caller;
	gid_t *groups; /* the caller's, where they matter; owned */
} Looker;

static Looker looker_of(fuse_req_t req, Inode *directory)
{
	const DirOps *members = directory->desc->members;
	Looker looker = {.directory = directory, .caller = caller_of(req)};

	if (members && members->private)
		looker.groups = caller_groups(req, &looker.caller);
	return looker;
}

/* inode_find(), with the caller's credentials if not every user may see every member. */
static int find_as_caller(const Looker *looker, const char *name, Dirent *out)
{
	Inode *directory = looker->directory;
	int result;

	if (!directory->desc->members || !directory->desc->members->private)
		return inode_find(directory, name, out);
	result = creds_override(&looker->caller);
	if (result < 0)
		return result;
	result = inode_find(directory, name, out);
	creds_revert();
	return result;
}

/* Finds a name and its attributes. */
static int find_with_attributes(const Looker *looker, const char *name, Dirent *dirent, struct stat *attributes)
{
	ObjectStat stat;
	int result = find_as_caller(looker, name, dirent);

	if (result < 0)
		return result;
	if (dirent->members) {
		result = dirent->members->stat(dirent->members->context, &dirent->object, &stat);
		if (result < 0)
			return result;
	}
	dirent_fill_stat(dirent, dirent->members ? &stat : NULL, attributes);
	return 0;
}

int lookup_name(fuse_req_t req, Inode *directory, const char *name, struct fuse_entry_param *out)
{
	const Looker looker = looker_of(req, directory);
	struct stat attributes;
	Dirent dirent;
	int result = find_with_attributes(&looker, name, &dirent, &attributes);

	g_free(looker.groups);
	return result < 0 ? result : lookup_enter(req, directory, &dirent, &attributes, out);
}

void lookup_reply(fuse_req_t req, const struct fuse_entry_param *entry)
{
	/* ENOENT: the caller was interrupted. The kernel does not know of the look-up, and will never forget it. */
	if (fuse_reply_entry(req, entry) == -ENOENT)
		inode_forget(inode_get(entry->ino), 1);
}

/* ENOENT is no refusal: it is not noted. */
static void reply_lookup(fuse_req_t req, Inode *directory, const char *name, int result,
			 const struct fuse_entry_param *entry)
{
	if (result == 0)
		lookup_reply(req, entry);
	else if (result != -ENOENT && refusal_noted())
		reply_refusal_at(req, directory, name, result, "look up");
	else
		fuse_reply_err(req, -result);
}

/* -- Slow look-ups ------------------------------------------------------------------------------------------------- */

enum { PATIENCE_MS = 500 };

/* Slow look-ups under way: each has a thread. */
static Quota slow_lookups = {
	.what = "slow look-ups under way",
	.remedy = "wait for their end",
	.error = ENFILE,
	.user_max = 1024,
};
/* Those of them that were given up while their thread has not returned. This limit holds for root too. */
static Quota stuck_lookups = {
	.what = "look-ups stuck in file systems that do not answer",
	.remedy = "try again later",
	.error = ENFILE,
	.user_max = 64,
};

typedef struct Slow {
	Looker looker; /* holds its directory */
	char *name;
	fuse_req_t req; /* belongs to the thread that takes the look-up out of `pending` */
	int refs;       /* atomic: the worker, `pending`, and slow_start() */

	/* Protected by the look-up lock. */
	GList link;
	gint64 deadline; /* in us; 0: it is interrupted */
	bool interrupted;
	bool pending; /* it is in `pending` */
} Slow;

static GMutex slow_lock;
static GCond slow_changed;
static GQueue pending = G_QUEUE_INIT; /* Protected by the look-up lock. Slow.link, without a reply yet */

static void slow_unref(Slow *slow)
{
	if (!g_atomic_int_dec_and_test(&slow->refs))
		return;
	inode_unref(slow->looker.directory);
	g_free(slow->looker.groups);
	g_free(slow->name);
	g_free(slow);
}

/* Called with the look-up lock held. */
static bool slow_take_out(Slow *slow)
{
	if (!slow->pending)
		return false;
	g_queue_unlink(&pending, &slow->link);
	slow->pending = false;
	return true;
}

/* The worker has its result. Returns whether it is to reply. Called with the look-up lock held. */
static bool slow_end(Slow *slow)
{
	const uid_t uid = slow->looker.caller.uid;
	const bool replies = slow_take_out(slow);

	if (!replies)
		quota_release(&stuck_lookups, uid, 1);
	quota_release(&slow_lookups, uid, 1);
	return replies;
}

static void slow_find(void *data)
{
	Slow *slow = data;
	struct fuse_entry_param entry;
	struct stat attributes;
	Dirent dirent;
	bool replies;
	int result;

	refusal_forget();
	result = find_with_attributes(&slow->looker, slow->name, &dirent, &attributes);
	g_mutex_lock(&slow_lock);
	replies = slow_end(slow);
	g_mutex_unlock(&slow_lock);
	if (replies) {
		fuse_req_interrupt_func(slow->req, NULL, NULL);
		if (result == 0)
			result = lookup_enter(slow->req, slow->looker.directory, &dirent, &attributes, &entry);
		reply_lookup(slow->req, slow->looker.directory, slow->name, result, &entry);
		slow_unref(slow);
	}
	slow_unref(slow);
}

/* Waits for the next look-up that is to be given up, and takes it out. Called with the look-up lock held. */
static Slow *slow_wait(bool *interrupted)
{
	for (;;) {
		const gint64 time = g_get_monotonic_time();
		gint64 next = time + G_TIME_SPAN_HOUR;

		for (GList *link = pending.head; link; link = link->next) {
			Slow *slow = link->data;

			if (slow->deadline <= time) {
				*interrupted = slow->deadline == 0;
				/* The look-up is stuck already, whatever the limit is. */
				quota_try(&stuck_lookups, slow->looker.caller.uid, 1, INT64_MAX);
				slow_take_out(slow);
				return slow;
			}
			next = MIN(next, slow->deadline);
		}
		g_cond_wait_until(&slow_changed, &slow_lock, next);
	}
}

/* Replies to the look-ups that are interrupted or take too long. */
static void *lookup_main(void *unused)
{
	for (;;) {
		bool interrupted;
		Slow *slow;

		g_mutex_lock(&slow_lock);
		slow = slow_wait(&interrupted);
		g_mutex_unlock(&slow_lock);
		fuse_req_interrupt_func(slow->req, NULL, NULL);
		refusal_forget();
		if (interrupted)
			fuse_reply_err(slow->req, EINTR);
		else
			reply_lookup(slow->req, slow->looker.directory, slow->name,
				     refuse(ETIMEDOUT, "the file system of that path does not answer: try again later"),
				     NULL);
		slow_unref(slow);
	}
	return unused;
}

/* libfuse's interrupt callback. libfuse holds its lock of the request, so this must not reply. */
static void slow_interrupted(fuse_req_t req, void *data)
{
	Slow *slow = data;

	g_mutex_lock(&slow_lock);
	slow->interrupted = true;
	slow->deadline = 0;
	g_cond_signal(&slow_changed);
	g_mutex_unlock(&slow_lock);
}

static gpointer slow_prepare(gpointer unused)
{
	if (!thread_start(lookup_main, NULL, 0))
		g_error("cannot start a thread");
	return unused;
}

/* Puts the look-up into `pending`. 0, or a negative errno with the refusal noted. */
static int slow_enter(Slow *slow)
{
	const uid_t uid = slow->looker.caller.uid;
	const int64_t stuck = quota_used(&stuck_lookups, uid);
	int result;

	if (stuck >= stuck_lookups.user_max)
		return quota_refuse(&stuck_lookups);
	result = quota_charge(&slow_lookups, uid, 1);
	if (result < 0)
		return result;
	g_mutex_lock(&slow_lock);
	slow->pending = true;
	/* A user with stuck look-ups must not keep a directory locked again and again. */
	if (!slow->interrupted)
		slow->deadline = g_get_monotonic_time() + PATIENCE_MS * 1000 / (1 << MIN(stuck, 8));
	g_queue_push_tail_link(&pending, &slow->link);
	g_cond_signal(&slow_changed);
	g_mutex_unlock(&slow_lock);
	return 0;
}

static void slow_start(fuse_req_t req, Inode *directory, const char *name)
{
	static GOnce once = G_ONCE_INIT;
	Slow *slow = g_new(Slow, 1);
	bool replies;
	int result;

	g_once(&once, slow_prepare, NULL);
	*slow = (Slow){.looker = looker_of(req, directory), .name = g_strdup(name), .req = req, .refs = 3};
	slow->link.data = slow;
	inode_ref(directory);
	/* Before it is pending: from then on another thread may reply. */
	fuse_req_interrupt_func(req, slow_interrupted, slow);
	result = slow_enter(slow);
	if (result < 0) {
		fuse_req_interrupt_func(req, NULL, NULL);
		reply_lookup(req, directory, name, result, NULL);
		slow->refs = 1;
		slow_unref(slow);
		return;
	}
	if (worker_run(slow_find, slow) < 0) {
		g_mutex_lock(&slow_lock);
		replies = slow_end(slow);
		g_mutex_unlock(&slow_lock);
		if (replies) {
			fuse_req_interrupt_func(req, NULL, NULL);
			fuse_reply_err(req, ENOMEM);
			slow_unref(slow);
		}
		slow_unref(slow);
	}
	slow_unref(slow);
}

void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	Inode *directory = inode_get(parent);
	const DirOps *members = directory->desc->members;
	struct fuse_entry_param entry;

	refusal_forget();
	if (members && members->slow)
		slow_start(req, directory, name);
	else
		reply_lookup(req, directory, name, lookup_name(req, directory, name, &entry), &entry);
}

void on_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
	inode_forget(inode_get(ino), lookups);
	fuse_reply_none(req);
}

void on_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		inode_forget(inode_get(forgets[i].ino), forgets[i].nlookup);
	fuse_reply_none(req);
}
