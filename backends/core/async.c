/*
 * Locking: `lock`, "the errand lock", guards who has which errands. It is held for a few instructions.
 */
#include "backends/core/async.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "backends/core/host.h"
#include "backends/core/credentials.h"
#include "backends/core/refusal.h"

enum {
	THREADS_MAX = 2048, /* of all kinds and users */
	STACK = 1024 * 1024 /* what nsswitch loads may like it large */
};

typedef struct User {
	int all;       /* errands */
	int running;   /* of them: each on a thread */
	GQueue behind; /* AsyncJob: the others */
} User;

static GMutex lock;
static int threads; /* Protected by lock. */

/* -- Users: called with lock held --------------------------------------------------------------------------------------- */

static User *user_of(JobClass *kind, uid_t uid)
{
	User *user;

	if (!kind->users)
		kind->users = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	user = g_hash_table_lookup(kind->users, GUINT_TO_POINTER(uid));
	if (!user) {
		user = g_new0(User, 1);
		g_hash_table_insert(kind->users, GUINT_TO_POINTER(uid), user);
	}
	return user;
}

/* One errand less. */
static void user_less(JobClass *kind, uid_t uid)
{
	if (--user_of(kind, uid)->all == 0)
		g_hash_table_remove(kind->users, GUINT_TO_POINTER(uid));
}

static void put_behind(User *user, AsyncJob *errand)
{
	errand->waits = true;
	errand->link = (GList){.data = errand};
	g_queue_push_tail_link(&user->behind, &errand->link);
}

static AsyncJob *take_next(User *user)
{
	GList *link = g_queue_pop_head_link(&user->behind);
	AsyncJob *next = link ? link->data : NULL;

	if (next)
		next->waits = false;
	return next;
}

/* -- Threads ------------------------------------------------------------------------------------------------------------ */

static void job_unref(AsyncJob *errand)
{
	if (g_atomic_int_dec_and_test(&errand->refs))
		errand->kind->end(errand);
}

static void tell(AsyncJob *errand)
{
	g_atomic_int_set(&errand->done, true);
	if (!job_detached(errand))
		host_wake(errand->key);
	job_unref(errand);
}

/* Ends one that was run. Returns the next one of the same user, for this thread. */
static AsyncJob *conclude(AsyncJob *errand)
{
	AsyncJob *next;
	User *user;

	g_mutex_lock(&lock);
	user = user_of(errand->kind, errand->uid);
	next = take_next(user);
	if (!next) {
		user->running--;
		threads--;
	}
	user_less(errand->kind, errand->uid);
	g_mutex_unlock(&lock);
	tell(errand);
	return next;
}

static void *job_main(void *data)
{
	for (AsyncJob *errand = data; errand; errand = conclude(errand))
		errand->kind->run(errand);
	return NULL;
}

/* A thread has no business with the process's signals: all are blocked in it from its first instruction. */
static bool start_thread(AsyncJob *errand)
{
	sigset_t all, before;
	pthread_attr_t attributes;
	pthread_t thread;
	int error;

	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, &attributes, job_main, errand);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return error == 0;
}

/* There is no thread for it. It waits for another one of the same user's; where there is none, it is refused, and who waits. */
static int do_without(AsyncJob *errand)
{
	JobClass *kind = errand->kind;
	const uid_t uid = errand->uid;
	GQueue hopeless = G_QUEUE_INIT;
	bool waits;
	User *user;

	g_mutex_lock(&lock);
	user = user_of(kind, uid);
	user->running--;
	threads--;
	waits = user->running > 0;
	if (waits) {
		put_behind(user, errand);
	} else {
		for (AsyncJob *other; (other = take_next(user));) {
			g_queue_push_tail_link(&hopeless, &other->link);
			user_less(kind, uid);
		}
		user_less(kind, uid);
	}
	g_mutex_unlock(&lock);
	for (GList *link; (link = g_queue_pop_head_link(&hopeless));)
		tell(link->data);
	return waits ? 0 : refuse(ENOMEM, "the daemon has no thread left for %s", kind->what);
}

/* -- For who asks ------------------------------------------------------------------------------------------------------- */

int job_start(AsyncJob *errand, JobClass *kind, uid_t uid, const int64_t key[4])
{
	bool refused, runs = false, crowded = false;
	User *user;

	/* A new thread has the ids of the one that makes it. */
	g_assert(!creds_overridden());
	*errand = (AsyncJob){.kind = kind, .uid = uid, .refs = 2};
	memcpy(errand->key, key, sizeof errand->key);
	g_mutex_lock(&lock);
	user = user_of(kind, uid);
	refused = user->all >= kind->most;
	if (!refused) {
		user->all++;
		runs = user->running < kind->at_once;
		crowded = threads >= THREADS_MAX;
	}
	if (runs) {
		user->running++;
		threads++;
	} else if (!refused) {
		put_behind(user, errand);
	}
	g_mutex_unlock(&lock);
	if (refused)
		return refuse(ENFILE, "%d %s of yours are under way already", kind->most, kind->what);
	if (runs && (crowded || !start_thread(errand)))
		return do_without(errand);
	return 0;
}

bool job_done(AsyncJob *errand)
{
	return g_atomic_int_get(&errand->done);
}

bool job_detached(AsyncJob *errand)
{
	return g_atomic_int_get(&errand->dropped);
}

void job_detach(AsyncJob *errand)
{
	bool waited;

	if (!errand)
		return;
	g_atomic_int_set(&errand->dropped, true);
	g_mutex_lock(&lock);
	waited = errand->waits;
	if (waited) {
		g_queue_unlink(&user_of(errand->kind, errand->uid)->behind, &errand->link);
		errand->waits = false;
		user_less(errand->kind, errand->uid);
	}
	g_mutex_unlock(&lock);
	if (waited)
		job_unref(errand);
	job_unref(errand);
}
