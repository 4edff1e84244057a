/*
 * AsyncJobs: what takes as long as it likes and no signal ends, such as the look-up of a name, or a path through a file system
 * that does not answer. Each runs on a thread that nobody has to wait for: who asked is woken when it is done, or lets go before,
 * and the thread finishes for nobody.
 */
#pragma once

#include "backends/core/backend.h"

typedef struct AsyncJob AsyncJob;

/* A kind of errand: a static of whoever has such errands to run. */
typedef struct JobClass {
	const char *what;              /* "look-ups of names": for the words of a refusal */
	int at_once;                   /* how many of one user's have a thread; others wait for their turn, in order */
	int most;                      /* how many of one user's there may be in all */
	void (*run)(AsyncJob *errand); /* on a thread, as the daemon */
	void (*end)(AsyncJob *errand); /* frees it, when neither the thread nor who asked needs it any more */
	GHashTable *users;             /* Protected by the errand lock. uid -> who has some */
} JobClass;

/* The first field of what is to be done. Its fields are errand.c's. */
struct AsyncJob {
	JobClass *kind;
	uid_t uid;
	int64_t key[4];
	GList link;        /* Protected by the errand lock, as `waits`. */
	bool waits;        /* for its turn */
	int refs;          /* atomic */
	int done, dropped; /* atomic */
};

/*
 * Has it run on behalf of `uid`. Never sleeps. When it is done, host_wake(key) is called. 0; or -ENFILE (too many of this
 * user's) or -ENOMEM (no thread is to be had), the reason noted: then it is still the caller's, to be freed.
 */
int job_start(AsyncJob *errand, JobClass *kind, uid_t uid, const int64_t key[4]);

/*
 * Whether it has been run: from then on its results are there for who asked; those it began with where there was no thread for
 * it in the end.
 */
bool job_done(AsyncJob *errand);

/* For run(): whether nobody needs it any more. */
bool job_detached(AsyncJob *errand);

/* Who asked lets go of it, at any time; NULL is fine. */
void job_detach(AsyncJob *errand);
