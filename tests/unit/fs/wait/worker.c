#include "fs/wait/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <glib.h>

enum {
	LIMIT_MS = 10000, /* how long a test waits for what must come */
	TOGETHER = 100
};

static GMutex lock;
static GCond changed;
static int counted; /* Protected by lock. */

static void count(void)
{
	g_mutex_lock(&lock);
	counted++;
	g_cond_broadcast(&changed);
	g_mutex_unlock(&lock);
}

/* Waits until `counted` is n. */
static bool wait_for_count(int n)
{
	gint64 limit = g_get_monotonic_time() + LIMIT_MS * 1000;
	bool reached = true;

	g_mutex_lock(&lock);
	while (counted < n && reached)
		reached = g_cond_wait_until(&changed, &lock, limit);
	g_mutex_unlock(&lock);
	return reached;
}

static void count_job(void *data)
{
	*(pid_t *)data = worker_self();
	count();
}

static void test_runs(void)
{
	enum { JOBS = 5000 };
	static pid_t ran_on[JOBS];

	counted = 0;
	for (int i = 0; i < JOBS; i++)
		/* So many cannot be refused for long: the threads that are there take one after the other. */
		while (worker_run(count_job, &ran_on[i]) == -EAGAIN)
			g_usleep(1000);
	g_assert_true(wait_for_count(JOBS));
	for (int i = 0; i < JOBS; i++) {
		g_assert_cmpint(ran_on[i], !=, 0);
		g_assert_cmpint(ran_on[i], !=, gettid());
	}
	g_assert_cmpint(counted, ==, JOBS);
	g_assert_cmpint(worker_self(), ==, gettid());
}

/* None of these ends before all have begun: a job that sleeps must not keep another from running. */
static void meet_job(void *unused)
{
	count();
	g_assert_true(wait_for_count(TOGETHER));
	count();
}

static void test_together(void)
{
	counted = 0;
	for (int i = 0; i < TOGETHER; i++)
		g_assert_cmpint(worker_run(meet_job, NULL), ==, 0);
	g_assert_true(wait_for_count(2 * TOGETHER));
}

typedef struct Sleeper {
	int fd;      /* never readable */
	int entered; /* atomic: the thread that is about to sleep */
	int result;  /* errno of its system call */
} Sleeper;

static void sleep_job(void *data)
{
	Sleeper *sleeper = data;
	char byte;

	g_atomic_int_set(&sleeper->entered, worker_self());
	/* read(2) is among the calls that SA_RESTART would send back to sleep. */
	sleeper->result = read(sleeper->fd, &byte, 1) < 0 ? errno : 0;
	count();
}

static void test_kick(void)
{
	gint64 limit = g_get_monotonic_time() + LIMIT_MS * 1000;
	Sleeper sleepers[10] = {0};
	int ends[2];

	g_assert_cmpint(pipe(ends), ==, 0);
	counted = 0;
	for (size_t i = 0; i < G_N_ELEMENTS(sleepers); i++) {
		sleepers[i].fd = ends[0];
		g_assert_cmpint(worker_run(sleep_job, &sleepers[i]), ==, 0);
	}
	/* First each has its thread: one that had woken could take the next job, and a late kick would hit that. */
	for (size_t i = 0; i < G_N_ELEMENTS(sleepers); i++)
		while (!g_atomic_int_get(&sleepers[i].entered))
			g_usleep(1000);
	/* One is kicked until it wakes; the others sleep on. */
	for (size_t i = 0; i < G_N_ELEMENTS(sleepers); i++) {
		for (bool woken = false; !woken; g_usleep(1000)) {
			g_assert_cmpint(g_get_monotonic_time(), <, limit);
			worker_interrupt(sleepers[i].entered);
			g_mutex_lock(&lock);
			woken = counted > (int)i;
			g_mutex_unlock(&lock);
		}
		g_assert_cmpint(sleepers[i].result, ==, EINTR);
		g_assert_cmpint(counted, ==, i + 1);
	}
	close(ends[0]);
	close(ends[1]);
}

/* A late kick finds nobody asleep, and disturbs nothing. */
static void test_late_kick(void)
{
	pid_t thread = 0;

	counted = 0;
	g_assert_cmpint(worker_run(count_job, &thread), ==, 0);
	g_assert_true(wait_for_count(1));
	worker_interrupt(thread);
	worker_interrupt(gettid());
	g_assert_cmpint(worker_run(count_job, &thread), ==, 0);
	g_assert_true(wait_for_count(2));
}

static void mask_job(void *data)
{
	pthread_sigmask(SIG_SETMASK, NULL, data);
	count();
}

/* The process's signals are for the thread that waits for them, not for a worker's. */
static void test_signals(void)
{
	sigset_t mask;

	counted = 0;
	g_assert_cmpint(worker_run(mask_job, &mask), ==, 0);
	g_assert_true(wait_for_count(1));
	g_assert_cmpint(sigismember(&mask, SIGTERM), ==, 1);
	g_assert_cmpint(sigismember(&mask, SIGINT), ==, 1);
	g_assert_cmpint(sigismember(&mask, SIGPIPE), ==, 1);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	worker_start();
	g_test_add_func("/worker/runs", test_runs);
	g_test_add_func("/worker/together", test_together);
	g_test_add_func("/worker/kick", test_kick);
	g_test_add_func("/worker/late-kick", test_late_kick);
	g_test_add_func("/worker/signals", test_signals);
	return g_test_run();
}
