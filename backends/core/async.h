/*
 * Jobs: work that can take any time and that no signal ends, such as the look-up of a name, or the walk of a path through a
 * file system that does not answer. Each job runs on a thread of its own, so that no thread that serves requests blocks.
 *
 * socket/ starts jobs for requests; poller.c starts one for its thread. The starter is woken by the key of the job once the
 * job is done. It can also detach the job at any time; the thread then finishes the job, and its result is discarded.
 *
 * Ownership: a job has two owners, the starter and the thread. JobClass.end() frees it once neither needs it.
 */
#pragma once

#include "backends/core/backend.h"
#include "backends/core/quota.h"

typedef struct AsyncJob AsyncJob;

/* A class of jobs: a static variable of the file that starts them. */
typedef struct JobClass {
	Quota quota;          /* the jobs of each user, running and queued */
	int threads_user_max; /* the threads of each user, root included; other jobs wait for their turn, in order */
	void (*run)(AsyncJob *job); /* called on a thread of its own, with the daemon's ids */
	void (*end)(AsyncJob *job); /* frees the job; called on any thread */
	GHashTable *users;          /* Protected by the job lock. uid -> UserJobs */
} JobClass;

/* The first member of the starter's struct. Only async.c uses its fields. */
struct AsyncJob {
	JobClass *class;
	uid_t uid;
	int64_t key[4];
	GList link;         /* Protected by the job lock, as `queued`. */
	bool queued;        /* waits for its turn */
	int refs;           /* atomic */
	int done, detached; /* atomic */
};

/*
 * Starts the job on behalf of `uid`. Never blocks. host_wake(key) is called when the job is done. Returns 0; or -ENFILE (the
 * user's quota) or -ENOMEM (no thread can be started) with the reason noted, and the job stays the caller's. Called with the
 * daemon's own ids.
 */
int job_start(AsyncJob *job, JobClass *class, uid_t uid, const int64_t key[4]);

/*
 * Whether the job is done: its results then belong to the starter. A queued job can end without having run, if no thread can be
 * started for it; its results are then those that it had at job_start().
 */
bool job_done(AsyncJob *job);

/* Whether the starter has detached the job. For run(), which can then stop early. */
bool job_detached(AsyncJob *job);

/* Gives up the starter's ownership, at any time. A queued job never runs. NULL is allowed. */
void job_detach(AsyncJob *job);
