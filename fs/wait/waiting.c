/*
 * Interrupts. libfuse calls the interrupt callback with its lock of the request held, and a reply takes that lock. The
 * callback therefore only takes the request out of where it waits; the watching thread replies EINTR. If a worker is in
 * a system call for the request, the worker keeps the request, and the watching thread interrupts the system call
 * (wakeup.c). A request that a thread is just running is only marked: it completes, or is refused when it comes to
 * wait.
 */
#include "fs/wait/waiting.h"

#include <errno.h>

#include "fs/wait/wakeup.h"

static GQueue ending = G_QUEUE_INIT; /* Protected by the waiting lock. Waiter.link: ENDING */

/* Leaves an interrupted waiter to the watching thread. Called with the waiting lock held. */
static void end_waiter(Waiter *waiter)
{
	waiter->state = ENDING;
	g_queue_push_tail_link(&ending, &waiter->link);
	epoll_loop_interrupt();
}

/* -- Lanes ---------------------------------------------------------------------------------------------------------- */

bool waiting_enter_lane(Waiter *waiter, bool may_queue)
{
	Lane *lane = waiter->lane;
	bool first;

	if (!lane)
		return true;
	g_mutex_lock(&waiting_lock);
	first = !lane->busy;
	if (first) {
		lane->busy = true;
		waiter->in_turn = true;
	} else if (may_queue && waiter->interrupted) {
		end_waiter(waiter);
	} else if (may_queue) {
		waiter->state = LANE_QUEUED;
		g_queue_push_tail_link(&lane->queued, &waiter->link);
	}
	g_mutex_unlock(&waiting_lock);
	return first;
}

Waiter *waiting_leave_lane(Waiter *waiter)
{
	Waiter *next = NULL;
	GList *link;

	if (!waiter->in_turn)
		return NULL;
	g_mutex_lock(&waiting_lock);
	link = g_queue_pop_head_link(&waiter->lane->queued);
	if (link) {
		next = link->data;
		next->state = RUNNING;
		next->in_turn = true;
	} else {
		waiter->lane->busy = false;
	}
	g_mutex_unlock(&waiting_lock);
	return next;
}

/* -- Suspending ----------------------------------------------------------------------------------------------------- */

Suspend waiting_suspend(Waiter *waiter)
{
	const Handle *handle = waiter->handle;
	Suspend result = SUSPEND_REFUSED;
	WaitQueue *queue = NULL;
	bool fresh = false;
	Wait wait;

	waiter->ops->wait(waiter, &wait);
	g_mutex_lock(&waiting_lock);
	if (waiter->interrupted) {
		waiter->ops->give_up(waiter, -EINTR);
	} else if (wait.how == WAIT_FD && wait_queue_wakes() != waiter->wakes_before) {
		result = SUSPEND_RETRY;
	} else if (!(queue = wait_queue_get(&wait, handle->desc->stream, handle->caller.uid, &fresh))) {
		waiter->ops->give_up(waiter, -ENOMEM);
	} else {
		wait_queue_push(queue, waiter);
		result = SUSPENDED;
	}
	g_mutex_unlock(&waiting_lock);
	/* A fresh queue ends only by its worker. */
	if (fresh && queue)
		wakeup_start_worker(queue);
	return result;
}

/* -- Interrupts ----------------------------------------------------------------------------------------------------- */

void waiting_interrupt(Waiter *waiter)
{
	g_mutex_lock(&waiting_lock);
	waiter->interrupted = g_get_monotonic_time();
	switch (waiter->state) {
	case WAIT_QUEUED:
		wait_queue_remove(waiter->queue, waiter);
		end_waiter(waiter);
		break;
	case LANE_QUEUED:
		g_queue_unlink(&waiter->lane->queued, &waiter->link);
		end_waiter(waiter);
		break;
	case RUNNING:
		if (waiter->queue && waiter->queue->sleeper == waiter)
			wait_queue_interrupt_worker(waiter->queue);
		break;
	case ENDING:
		break;
	}
	g_mutex_unlock(&waiting_lock);
}

void waiting_finish_interrupted(void)
{
	for (;;) {
		Waiter *waiter;
		GList *link;

		g_mutex_lock(&waiting_lock);
		link = g_queue_pop_head_link(&ending);
		waiter = link ? link->data : NULL;
		g_mutex_unlock(&waiting_lock);
		if (!waiter)
			return;
		waiter->ops->give_up(waiter, -EINTR);
		waiter->ops->finish(waiter);
	}
}
