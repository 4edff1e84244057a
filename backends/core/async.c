/*
 * Jobs on threads of their own: see async.h.
 *
 * A user has at most threads_user_max threads in each class. A thread that has run a job takes the next queued job of the same
 * user, and ends if there is none. While a job is queued, a thread of its user therefore exists.
 *
 * Locking: "the job lock" guards the users of all classes, the queues and the number of threads. It is held for a few
 * instructions, and never while a job runs or ends.
 */
#include "backends/core/async.h"

#include <errno.h>

#include "backends/core/credentials.h"
#include "backends/core/host.h"
#include "backends/core/refusal.h"
#include "backends/core/thread.h"

enum {
	THREADS_MAX = 2048, /* of all classes and users */
	STACK = 1024 * 1024 /* modules of nsswitch.conf(5) may need a large one */
};

/* The jobs of one user in one class. Exists while the user has a thread there. */
typedef struct UserJobs {
	int threads;
	GQueue queued; /* AsyncJob */
} UserJobs;

static GMutex lock;
static int threads; /* Protected by the job lock. */

/* -- Users: called with the job lock held ------------------------------------------------------------------------------- */

static UserJobs *user_get(JobClass *class, uid_t uid)
{
	UserJobs *user;

	if (!class->users)
		class->users = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	user = g_hash_table_lookup(class->users, GUINT_TO_POINTER(uid));
	if (!user) {
		user = g_new0(UserJobs, 1);
		g_hash_table_insert(class->users, GUINT_TO_POINTER(uid), user);
	}
	return user;
}

static void user_push_job(UserJobs *user, AsyncJob *job)
{
	job->queued = true;
	job->link = (GList){.data = job};
	g_queue_push_tail_link(&user->queued, &job->link);
}

/* NULL: no job is queued. */
static AsyncJob *user_pop_job(UserJobs *user)
{
	GList *link = g_queue_pop_head_link(&user->queued);
	AsyncJob *job = link ? link->data : NULL;

	if (job)
		job->queued = false;
	return job;
}

static void user_drop_thread(JobClass *class, uid_t uid, UserJobs *user)
{
	threads--;
	if (--user->threads == 0)
		g_hash_table_remove(class->users, GUINT_TO_POINTER(uid));
}

/* -- Threads ------------------------------------------------------------------------------------------------------------ */

static void job_unref(AsyncJob *job)
{
	if (g_atomic_int_dec_and_test(&job->refs))
		job->class->end(job);
}

/* Ends a job that was run or that never will be: wakes the starter, and gives up the thread's ownership. */
static void job_complete(AsyncJob *job)
{
	quota_release(&job->class->quota, job->uid, 1);
	g_atomic_int_set(&job->done, true);
	if (!job_detached(job))
		host_wake(job->key);
	job_unref(job);
}

/* Completes a job that was run. Returns the user's next job for this thread; NULL: the thread ends. */
static AsyncJob *job_replace(AsyncJob *job)
{
	AsyncJob *next;
	UserJobs *user;

	g_mutex_lock(&lock);
	user = user_get(job->class, job->uid);
	next = user_pop_job(user);
	if (!next)
		user_drop_thread(job->class, job->uid, user);
	g_mutex_unlock(&lock);
	job_complete(job);
	return next;
}

static void *run_jobs(void *data)
{
	for (AsyncJob *job = data; job; job = job_replace(job))
		job->class->run(job);
	return NULL;
}

/*
 * Gives back the thread that could not be started for a job. If the user has another thread, the job waits for that one.
 * Otherwise the job is refused, and the jobs that were queued behind it end without having run.
 */
static int job_start_failed(AsyncJob *job)
{
	JobClass *class = job->class;
	GQueue abandoned = G_QUEUE_INIT;
	bool waits;
	UserJobs *user;

	g_mutex_lock(&lock);
	user = user_get(class, job->uid);
	waits = user->threads > 1;
	if (waits)
		user_push_job(user, job);
	else
		for (AsyncJob *queued; (queued = user_pop_job(user));)
			g_queue_push_tail_link(&abandoned, &queued->link);
	user_drop_thread(class, job->uid, user);
	g_mutex_unlock(&lock);
	if (waits)
		return 0;
	for (GList *link; (link = g_queue_pop_head_link(&abandoned));)
		job_complete(link->data);
	quota_release(&class->quota, job->uid, 1);
	return refuse(ENOMEM, "the daemon has no thread left for %s: try again later", class->quota.what);
}

/* -- The starter -------------------------------------------------------------------------------------------------------- */

int job_start(AsyncJob *job, JobClass *class, uid_t uid, const int64_t key[4])
{
	bool needs_thread, has_room = true;
	UserJobs *user;
	int result;

	/* A new thread inherits the ids of the thread that starts it. */
	g_assert(!creds_overridden());
	result = quota_charge(&class->quota, uid, 1);
	if (result < 0)
		return result;
	*job = (AsyncJob){.class = class, .uid = uid, .refs = 2};
	memcpy(job->key, key, sizeof job->key);
	g_mutex_lock(&lock);
	user = user_get(class, uid);
	needs_thread = user->threads < class->threads_user_max;
	if (needs_thread) {
		has_room = threads < THREADS_MAX;
		user->threads++;
		threads++;
	} else {
		user_push_job(user, job);
	}
	g_mutex_unlock(&lock);
	if (needs_thread && (!has_room || !thread_start(run_jobs, job, STACK)))
		return job_start_failed(job);
	return 0;
}

bool job_done(AsyncJob *job)
{
	return g_atomic_int_get(&job->done);
}

bool job_detached(AsyncJob *job)
{
	return g_atomic_int_get(&job->detached);
}

void job_detach(AsyncJob *job)
{
	bool was_queued;

	if (!job)
		return;
	g_atomic_int_set(&job->detached, true);
	g_mutex_lock(&lock);
	was_queued = job->queued;
	if (was_queued) {
		g_queue_unlink(&user_get(job->class, job->uid)->queued, &job->link);
		job->queued = false;
	}
	g_mutex_unlock(&lock);
	if (was_queued) {
		quota_release(&job->class->quota, job->uid, 1);
		job_unref(job);
	}
	job_unref(job);
}
