/* Unit tests of fs/wait/worker.c: the thread pool, and the interruption of a blocked system call. */
#include "fs/wait/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <glib.h>

enum {
	LIMIT_MS = 10000, /* the limit of each wait */
	TOGETHER = 100
};

static GMutex lock;
static GCond changed;
static int counted; /* Protected by lock. */

static void count_one(void)
{
	g_mutex_lock(&lock);
	counted++;
	g_cond_broadcast(&changed);
	g_mutex_unlock(&lock);
}

/* Waits until `counted` is n. False: not within LIMIT_MS. */
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
	count_one();
}

static void test_runs(void)
{
	enum { JOBS = 5000 };
	static pid_t ran_on[JOBS];

	counted = 0;
	for (int i = 0; i < JOBS; i++)
		/* A refusal is temporary: the threads run the accepted jobs one after the other. */
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

/* No job ends before all have begun, because a sleeping job must not delay another job. */
static void wait_for_all_job(void *unused)
{
	count_one();
	g_assert_true(wait_for_count(TOGETHER));
	count_one();
}

static void test_together(void)
{
	counted = 0;
	for (int i = 0; i < TOGETHER; i++)
		g_assert_cmpint(worker_run(wait_for_all_job, NULL), ==, 0);
	g_assert_true(wait_for_count(2 * TOGETHER));
}

typedef struct Sleeper {
	int fd;      /* of a pipe that stays empty */
	int entered; /* atomic; the thread that is about to call read(2) */
	int result;  /* the errno of read(2) */
} Sleeper;

static void sleep_job(void *data)
{
	Sleeper *sleeper = data;
	char byte;

	g_atomic_int_set(&sleeper->entered, worker_self());
	/* With SA_RESTART, the kernel would restart read(2) after the signal. */
	sleeper->result = read(sleeper->fd, &byte, 1) < 0 ? errno : 0;
	count_one();
}

static void test_interrupt(void)
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
	/*
	 * First each job gets a thread. Otherwise a woken thread could take the next job, and a late interrupt would
	 * end it.
	 */
	for (size_t i = 0; i < G_N_ELEMENTS(sleepers); i++)
		while (!g_atomic_int_get(&sleepers[i].entered))
			g_usleep(1000);
	/* Interrupts one thread until it wakes. The other threads stay blocked. */
	for (size_t i = 0; i < G_N_ELEMENTS(sleepers); i++) {
		for (bool woken = false; !woken; g_usleep(1000)) {
			g_assert_cmpint(g_get_monotonic_time(), <, limit);
			worker_interrupt(sleepers[i].entered);
			g_mutex_lock(&lock);
			woken = counted > (int)i;
			g_mutex_unlock(&lock);
		}
		g_mutex_lock(&lock);
		g_assert_cmpint(sleepers[i].result, ==, EINTR);
		g_assert_cmpint(counted, ==, i + 1);
		g_mutex_unlock(&lock);
	}
	close(ends[0]);
	close(ends[1]);
}

/* An interrupt after the end of the system call has no effect. */
static void test_late_interrupt(void)
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
	count_one();
}

/* Worker threads block the signals that the main thread waits for. */
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
	g_test_add_func("/worker/interrupt", test_interrupt);
	g_test_add_func("/worker/late-interrupt", test_late_interrupt);
	g_test_add_func("/worker/signals", test_signals);
	return g_test_run();
}
