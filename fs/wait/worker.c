/* Worker threads (worker.h, with callers and locks). */
#include "fs/wait/worker.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <glib.h>

#include "backends/core/thread.h"

enum { IDLE_MAX = 8, STACK = 256 * 1024, INTERRUPT = SIGURG /* ignored by default: a late one does no harm */ };

typedef struct Job {
	void (*run)(void *data);
	void *data;
} Job;

static GMutex lock; /* "the worker lock" */
static GCond wanted;
static GQueue jobs = G_QUEUE_INIT; /* Protected by lock, as all below. Owned. */
static int threads, idle;

static _Thread_local volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
	interrupted = true;
}

bool worker_was_interrupted(void)
{
	return interrupted;
}

void worker_forget_interrupts(void)
{
	interrupted = false;
}

void worker_start(void)
{
	struct sigaction action = {.sa_handler = on_interrupt}; /* without SA_RESTART: the system call is to end */

	sigaction(INTERRUPT, &action, NULL);
}

pid_t worker_self(void)
{
	static _Thread_local pid_t self;

	return self ? self : (self = (pid_t)syscall(SYS_gettid));
}

void worker_interrupt(pid_t worker)
{
	syscall(SYS_tgkill, getpid(), worker, INTERRUPT);
}

static void *worker_main(void *unused)
{
	sigset_t interrupt;

	sigemptyset(&interrupt);
	sigaddset(&interrupt, INTERRUPT);
	pthread_sigmask(SIG_UNBLOCK, &interrupt, NULL);
	g_mutex_lock(&lock);
	for (;;) {
		Job *job = g_queue_pop_head(&jobs);

		if (job) {
			g_mutex_unlock(&lock);
			job->run(job->data);
			g_free(job);
			g_mutex_lock(&lock);
			continue;
		}
		if (idle >= IDLE_MAX)
			break;
		idle++;
		g_cond_wait(&wanted, &lock);
		idle--;
	}
	threads--;
	g_mutex_unlock(&lock);
	return unused;
}

/* Called with lock held. */
static int start_thread(void)
{
	if (threads >= WORKERS_MAX || !thread_start(worker_main, NULL, STACK))
		return -EAGAIN;
	threads++;
	return 0;
}

int worker_run(void (*run)(void *data), void *data)
{
	int result = 0;

	g_mutex_lock(&lock);
	/* Each idle thread will take one of the jobs that are queued already. */
	if (g_queue_get_length(&jobs) >= (guint)idle)
		result = start_thread();
	if (result == 0) {
		Job *job = g_new(Job, 1);

		*job = (Job){.run = run, .data = data};
		g_queue_push_tail(&jobs, job);
		g_cond_signal(&wanted);
	}
	g_mutex_unlock(&lock);
	return result;
}
