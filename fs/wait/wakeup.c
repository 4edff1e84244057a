/*
 * Interrupting a worker. A worker that sleeps in a system call for a request that was interrupted, or for none, is
 * interrupted by a signal. A signal that arrives just before the system call is lost, so the watching thread repeats it
 * every millisecond until the worker is awake. No signal ends a call that is stuck in a file system (Wait.visits).
 * After STUCK_MS the caller of such a request gets EINTR; the worker keeps the request and drops its result when the
 * call returns.
 */
#include "fs/wait/wakeup.h"

#include <errno.h>
#include <string.h>

#include "backends/core/refusal.h"
#include "fs/wait/worker.h"

enum { STUCK_MS = 500 };

PutBack wakeup_put_back(WaitQueue *queue, Waiter *waiter)
{
	PutBack result = REQUEUED;
	Wait wait;

	waiter->ops->wait(waiter, &wait);
	g_mutex_lock(&waiting_lock);
	if (waiter->interrupted) {
		result = INTERRUPTED;
	} else if (wait.how != queue->wait.how || memcmp(wait.key, queue->wait.key, sizeof wait.key) != 0) {
		waiter->queue = NULL;
		result = REQUEUED_ELSEWHERE;
	} else {
		wait_queue_push_again(queue, waiter);
	}
	g_mutex_unlock(&waiting_lock);
	if (result == REQUEUED_ELSEWHERE)
		waiter->ops->retry(waiter);
	if (result == INTERRUPTED)
		waiter->ops->give_up(waiter, -EINTR);
	return result;
}

static Waiter *pop_waiter(WaitQueue *queue)
{
	Waiter *waiter;

	g_mutex_lock(&waiting_lock);
	waiter = wait_queue_pop(queue);
	g_mutex_unlock(&waiting_lock);
	return waiter;
}

/* Lets the waiters try, in order, until one has to wait. */
static void run_waiters(WaitQueue *queue)
{
	Waiter *waiter;

	while ((waiter = pop_waiter(queue))) {
		PutBack result = INTERRUPTED;

		refusal_forget();
		if (!waiter->ops->attempt(waiter))
			result = wakeup_put_back(queue, waiter);
		if (result == REQUEUED)
			return;
		if (result == INTERRUPTED)
			waiter->ops->finish(waiter);
	}
}

static void run_queue(WaitQueue *queue)
{
	wait_queue_watch_ops->notify(queue);
	run_waiters(queue);
}

/* -- Workers -------------------------------------------------------------------------------------------------------- */

/* Frees the worker's queue if it is unused. Whether it was. */
static bool free_own_queue(WaitQueue *queue)
{
	bool unused;

	g_mutex_lock(&waiting_lock);
	unused = wait_queue_is_unused(queue);
	if (unused)
		wait_queue_retire(queue);
	g_mutex_unlock(&waiting_lock);
	if (!unused)
		return false;
	if (queue->wait.over)
		queue->wait.over(&queue->wait);
	g_free(queue);
	return true;
}

static void begin_sleep(WaitQueue *queue)
{
	g_mutex_lock(&waiting_lock);
	queue->sleeping = true;
	if (wait_queue_is_unused(queue))
		wait_queue_interrupt_worker(queue);
	g_mutex_unlock(&waiting_lock);
}

static void end_sleep(WaitQueue *queue)
{
	g_mutex_lock(&waiting_lock);
	queue->sleeping = false;
	queue->sleeper = NULL;
	g_mutex_unlock(&waiting_lock);
}

/* WAIT_READY */
static void ready_main(void *data)
{
	WaitQueue *queue = data;

	queue->worker = worker_self();
	while (!free_own_queue(queue)) {
		int result;

		begin_sleep(queue);
		result = queue->wait.ready(&queue->wait);
		end_sleep(queue);
		if (result != -EINTR)
			run_queue(queue);
	}
}

/* Takes out the waiter that the worker will be in the call for; NULL: there is none. */
static Waiter *pop_sleeper(WaitQueue *queue)
{
	Waiter *waiter;

	g_mutex_lock(&waiting_lock);
	waiter = wait_queue_pop(queue);
	queue->sleeping = waiter != NULL;
	queue->sleeper = waiter;
	g_mutex_unlock(&waiting_lock);
	return waiter;
}

/* WAIT_CALL */
static void call_main(void *data)
{
	WaitQueue *queue = data;

	queue->worker = worker_self();
	while (!free_own_queue(queue)) {
		Waiter *waiter = pop_sleeper(queue);
		bool complete;

		if (!waiter)
			continue;
		refusal_forget();
		worker_forget_interrupts();
		complete = waiter->ops->call(waiter);
		end_sleep(queue);
		if (complete || wakeup_put_back(queue, waiter) == INTERRUPTED)
			waiter->ops->finish(waiter);
	}
}

void wakeup_start_worker(WaitQueue *queue)
{
	Waiter *waiter;

	if (worker_run(queue->wait.how == WAIT_READY ? ready_main : call_main, queue) == 0)
		return;
	while ((waiter = pop_waiter(queue))) {
		refuse(ENOMEM, "limit reached: %d threads of the daemon wait for blocked operations", WORKERS_MAX);
		waiter->ops->give_up(waiter, -ENOMEM);
		waiter->ops->finish(waiter);
	}
	wait_queue_watch_ops->notify(queue);
	/* Another entry may have come meanwhile. */
	if (!free_own_queue(queue))
		wakeup_start_worker(queue);
}

/* Whether the worker sleeps for no caller that still waits for it. Called with the waiting lock held. */
static bool sleeps_in_vain(const WaitQueue *queue)
{
	if (!queue->sleeping)
		return false;
	return queue->sleeper ? queue->sleeper->interrupted && !queue->sleeper->detached : wait_queue_is_unused(queue);
}

/* Whether the caller of such a worker has waited long enough. Called with the waiting lock held. */
static bool is_stuck(const WaitQueue *queue)
{
	return queue->sleeper && queue->wait.visits &&
	       g_get_monotonic_time() - queue->sleeper->interrupted > STUCK_MS * 1000;
}

bool wakeup_interrupt_workers(void)
{
	g_autoptr(GArray) workers = g_array_new(FALSE, FALSE, sizeof(pid_t));
	g_autoptr(GPtrArray) detached = g_ptr_array_new();

	g_mutex_lock(&waiting_lock);
	for (GList *link = wait_queue_interrupts.head, *next; link; link = next) {
		WaitQueue *queue = link->data;

		next = link->next;
		if (sleeps_in_vain(queue) && is_stuck(queue)) {
			queue->sleeper->ops->detach(queue->sleeper);
			g_ptr_array_add(detached, queue->sleeper);
		}
		if (sleeps_in_vain(queue)) {
			g_array_append_val(workers, queue->worker);
		} else {
			queue->to_be_interrupted = false;
			g_queue_delete_link(&wait_queue_interrupts, link);
		}
	}
	g_mutex_unlock(&waiting_lock);
	for (guint i = 0; i < workers->len; i++)
		worker_interrupt(g_array_index(workers, pid_t, i));
	for (guint i = 0; i < detached->len; i++) {
		Waiter *waiter = detached->pdata[i];

		waiter->ops->reply_detached(waiter);
	}
	return workers->len > 0;
}

/* -- The watching thread -------------------------------------------------------------------------------------------- */

void wakeup_run_queues(int timeout)
{
	g_autoptr(GPtrArray) queues = g_ptr_array_new();
	Source *ready[SOURCES_READY_MAX];
	WaitQueue *queue;
	size_t count;

	g_mutex_lock(&waiting_lock);
	count = epoll_loop_wait(timeout, &waiting_lock, ready);
	for (size_t i = 0; i < count; i++)
		if (!wait_queue_is_unused(ready[i]->owner))
			wait_queue_wake(ready[i]->owner);
	while ((queue = wait_queue_pop_woken()))
		g_ptr_array_add(queues, queue);
	g_mutex_unlock(&waiting_lock);
	for (guint i = 0; i < queues->len; i++) {
		run_queue(queues->pdata[i]);
		g_mutex_lock(&waiting_lock);
		wait_queue_release(queues->pdata[i]);
		g_mutex_unlock(&waiting_lock);
	}
}
