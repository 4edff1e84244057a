/*
 * Requests that wait, and the thread that watches for all of them.
 *
 * Interrupts: FUSE's callback runs under libfuse's lock of the request, so it only takes the request out of where it waits
 * and leaves it to the watching thread, which answers EINTR. A request that a worker sleeps for is left to that worker, which
 * is kicked (wakeup.c).
 */
#include "fs/wait/waiting.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "fs/wait/wait_queue.h"

enum {
	KICK_MS = 1,
	LOOK_MS = 10 /* how often a poll that nothing can wake is looked at */
};

static GQueue interrupted = G_QUEUE_INIT; /* Protected by the waiting lock. Request, ENDING: to be answered EINTR. */

bool waiting_enter(Request *request)
{
	Side *side = request_side(request);
	bool first;

	if (!side)
		return true;
	g_mutex_lock(&waiting_lock);
	first = !side->busy;
	if (first) {
		side->busy = true;
		request->entered = true;
	} else if (request->kept && request->interrupted) {
		request->state = ENDING;
		g_queue_push_tail_link(&interrupted, &request->link);
		watcher_call();
	} else if (request->kept) {
		request->state = BEHIND;
		g_queue_push_tail_link(&side->behind, &request->link);
	}
	g_mutex_unlock(&waiting_lock);
	return first;
}

Request *waiting_leave(Request *request)
{
	Side *side = request_side(request);
	Request *next = NULL;
	GList *link;

	if (!request->entered)
		return NULL;
	g_mutex_lock(&waiting_lock);
	link = g_queue_pop_head_link(&side->behind);
	if (link) {
		next = link->data;
		next->state = RUNNING;
		next->entered = true;
	} else {
		side->busy = false;
	}
	g_mutex_unlock(&waiting_lock);
	return next;
}

bool waiting_over(Request *request)
{
	bool free;

	g_mutex_lock(&waiting_lock);
	request->over = true;
	free = !request->leaving;
	g_mutex_unlock(&waiting_lock);
	return free;
}

Park waiting_park(Request *request)
{
	const Handle *handle = &request->file->handle;
	Park park = PARK_REFUSED;
	Group *group = NULL;
	bool fresh = false;
	Wait wait;

	request_wait(request, &wait);
	g_mutex_lock(&waiting_lock);
	if (request->interrupted)
		request_give_up(request, -EINTR);
	else if (wait.how == WAIT_FD && group_wakes() != request->wakes)
		park = PARK_AGAIN;
	else if (!(group = group_for(&wait, handle->desc->stream, handle->caller.uid, &fresh)))
		request_give_up(request, -ENOMEM);
	else
		park = PARK_DONE;
	if (park == PARK_DONE)
		group_push(group, request);
	g_mutex_unlock(&waiting_lock);
	if (fresh && group)
		group_start(group);
	return park;
}

void waiting_interrupt(fuse_req_t req, void *data)
{
	Request *request = data;
	bool ending = false;

	g_mutex_lock(&waiting_lock);
	request->interrupted = g_get_monotonic_time();
	if (request->state == PARKED) {
		g_queue_unlink(&request->group->requests, &request->link);
		group_settle(request->group);
		request->group = NULL; /* which may end before this request does */
		ending = true;
	} else if (request->state == BEHIND) {
		g_queue_unlink(&request_side(request)->behind, &request->link);
		ending = true;
	} else if (request->state == RUNNING && request->group && request->group->sleeper == request) {
		group_kick(request->group);
	}
	if (ending) {
		request->state = ENDING;
		g_queue_push_tail_link(&interrupted, &request->link);
		watcher_call();
	}
	g_mutex_unlock(&waiting_lock);
}

/* Answers the requests that were interrupted where they waited. */
static void end_interrupted(void)
{
	for (;;) {
		Request *request;
		GList *link;

		g_mutex_lock(&waiting_lock);
		link = g_queue_pop_head_link(&interrupted);
		request = link ? link->data : NULL;
		g_mutex_unlock(&waiting_lock);
		if (!request)
			return;
		request_give_up(request, -EINTR);
		request_finish(request);
	}
}

static void *watch_main(void *unused)
{
	int timeout = -1;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	for (;;) {
		group_watch(timeout);
		end_interrupted();
		timeout = polling_look() ? LOOK_MS : -1;
		if (group_attend())
			timeout = KICK_MS;
	}
	return unused;
}

void waiting_start(void)
{
	pthread_t thread;

	group_prepare();
	feed_prepare();
	if (pthread_create(&thread, NULL, watch_main, NULL))
		g_error("cannot start a thread");
	pthread_detach(thread);
}
