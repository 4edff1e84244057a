/*
 * Waking up: by the watching thread, and by the workers of groups that have one.
 *
 * Kicks. A worker that sleeps for a request which was interrupted, or for nobody, is kicked out of its system call by a
 * signal: again and again, every millisecond, until it is seen to have woken, since a kick that comes just before the call
 * is lost. One that no signal gets out of a file system (Wait.visits) is left there after a while, and whoever was interrupted
 * is told so. What comes of it then he does not hear.
 */
#include <errno.h>

#include "backends/core/refusal.h"
#include "fs/wait/wait_queue.h"
#include "fs/wait/worker.h"

enum { STUCK_MS = 500 };

static void try_requests(Group *group)
{
	for (;;) {
		Onwards onwards = ENDS;
		Request *request;

		g_mutex_lock(&waiting_lock);
		request = group_pop(group);
		g_mutex_unlock(&waiting_lock);
		if (!request)
			return;
		refusal_forget();
		if (!request_step(request, NONBLOCK))
			onwards = group_put_back(group, request);
		if (onwards == WAITS)
			return;
		if (onwards == ENDS)
			request_finish(request);
	}
}

/* What a group waits for may be there: tells those who poll, and lets its requests try, in order, until one has to wait. */
static void group_try(Group *group)
{
	polling_notify(group);
	try_requests(group);
}

/* -- Workers -------------------------------------------------------------------------------------------------------- */

/* Ends a worker's group that nobody waits in any more. */
static bool group_ended(Group *group)
{
	bool ended;

	g_mutex_lock(&waiting_lock);
	ended = group_empty(group);
	if (ended)
		group_end(group);
	g_mutex_unlock(&waiting_lock);
	if (!ended)
		return false;
	if (group->wait.over)
		group->wait.over(&group->wait);
	g_free(group);
	return true;
}

static void set_sleeping(Group *group, bool sleeping)
{
	g_mutex_lock(&waiting_lock);
	group->sleeping = sleeping;
	if (!sleeping)
		group->sleeper = NULL;
	else if (group_empty(group))
		group_kick(group);
	g_mutex_unlock(&waiting_lock);
}

static void ready_main(void *data)
{
	Group *group = data;

	group->thread = worker_self();
	while (!group_ended(group)) {
		int result;

		set_sleeping(group, true);
		result = group->wait.ready(&group->wait);
		set_sleeping(group, false);
		if (result != -EINTR)
			group_try(group);
	}
}

static void call_main(void *data)
{
	Group *group = data;

	group->thread = worker_self();
	while (!group_ended(group)) {
		Request *request;
		bool over;

		g_mutex_lock(&waiting_lock);
		request = group_pop(group);
		if (request) {
			group->sleeping = true;
			group->sleeper = request;
		}
		g_mutex_unlock(&waiting_lock);
		if (!request)
			continue;
		refusal_forget();
		worker_forget_kicks();
		over = request_step(request, request->nonblocking ? BLOCK_ON_FS : BLOCK);
		set_sleeping(group, false);
		if (!over && request->nonblocking && request->result == -EAGAIN) {
			request_give_up(request, -EAGAIN);
			over = true;
		}
		if (over || group_put_back(group, request) == ENDS)
			request_finish(request);
	}
}

void group_start(Group *group)
{
	if (worker_run(group->wait.how == WAIT_READY ? ready_main : call_main, group) == 0)
		return;
	for (;;) {
		Request *request;

		g_mutex_lock(&waiting_lock);
		request = group_pop(group);
		g_mutex_unlock(&waiting_lock);
		if (!request)
			break;
		refuse(ENOMEM, "the daemon has %d threads that wait already", WORKERS_MAX);
		request_give_up(request, -ENOMEM);
		request_finish(request);
	}
	polling_notify(group);
	if (!group_ended(group))
		group_start(group);
}

/* A caller who is to be told that he is interrupted. */
typedef struct Leaver {
	Request *request;
	fuse_req_t fuse;
} Leaver;

/*
 * Whether the worker sleeps for nobody, or for somebody who was interrupted and still waits for it. Called with the waiting lock
 * held, as the next two.
 */
static bool is_to_wake(const Group *group)
{
	if (!group->sleeping)
		return false;
	return group->sleeper ? group->sleeper->interrupted && group->sleeper->fuse : group_empty(group);
}

/* Whether such a one is to wait no longer. */
static bool is_stuck(const Group *group)
{
	return group->sleeper && group->wait.visits &&
	       g_get_monotonic_time() - group->sleeper->interrupted > STUCK_MS * 1000;
}

/* The worker that sleeps for him still has the request, and the file. */
static Leaver let_leave(Request *request)
{
	const Leaver leaver = {.request = request, .fuse = g_steal_pointer(&request->fuse)};

	request->leaving = true;
	/* Whose open it is, an OPEN holds the file already. */
	if (request->operation != OPEN)
		file_ref(request->file);
	return leaver;
}

/* Tells him. The request may be gone then. */
static void leave(const Leaver *leaver)
{
	bool over;

	fuse_req_interrupt_func(leaver->fuse, NULL, NULL);
	fuse_reply_err(leaver->fuse, EINTR);
	g_mutex_lock(&waiting_lock);
	leaver->request->leaving = false;
	over = leaver->request->over;
	g_mutex_unlock(&waiting_lock);
	if (over)
		request_free(leaver->request);
}

bool group_attend(void)
{
	g_autoptr(GArray) threads = g_array_new(FALSE, FALSE, sizeof(pid_t));
	g_autoptr(GArray) leavers = g_array_new(FALSE, FALSE, sizeof(Leaver));

	g_mutex_lock(&waiting_lock);
	for (GList *link = group_kicks.head, *next; link; link = next) {
		Group *group = link->data;

		next = link->next;
		if (is_to_wake(group) && is_stuck(group)) {
			const Leaver leaver = let_leave(group->sleeper);

			g_array_append_val(leavers, leaver);
		}
		if (is_to_wake(group)) {
			g_array_append_val(threads, group->thread);
		} else {
			group->kicked = false;
			g_queue_delete_link(&group_kicks, link);
		}
	}
	g_mutex_unlock(&waiting_lock);
	for (guint i = 0; i < threads->len; i++)
		worker_kick(g_array_index(threads, pid_t, i));
	for (guint i = 0; i < leavers->len; i++)
		leave(&g_array_index(leavers, Leaver, i));
	return threads->len > 0;
}

/* -- The watching thread -------------------------------------------------------------------------------------------- */

void group_watch(int timeout)
{
	g_autoptr(GPtrArray) ready = watcher_wait(timeout);

	for (guint i = 0; i < ready->len; i++) {
		group_try(ready->pdata[i]);
		g_mutex_lock(&waiting_lock);
		group_let_go(ready->pdata[i]);
		g_mutex_unlock(&waiting_lock);
	}
}
