/*
 * Kicks. A worker that sleeps for a request which was interrupted, or for nobody, is kicked out of its system call by a
 * signal: again and again, every millisecond, until it is seen to have woken, since a kick that comes just before the call
 * is lost.
 */
#include "fs/group.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backends/why.h"
#include "fs/worker.h"

enum { GROUPS_USER = 1024 /* threads that one user's waiting may take; root: WORKERS_MAX */ };

GMutex waiting_lock;

static GHashTable *groups;          /* Protected by the waiting lock, as all below. Group -> itself, by its wait. */
static GHashTable *charged;         /* uid -> threads */
static GQueue kicks = G_QUEUE_INIT; /* Group: to be looked after */
static GQueue woken = G_QUEUE_INIT; /* Group: backend_wake() was called for it */
static unsigned wakes;              /* calls of backend_wake() */

static int epoll = -1, wake = -1;

void group_wake_watcher(void)
{
	eventfd_write(wake, 1);
}

unsigned group_wakes(void)
{
	return wakes;
}

unsigned waiting_wakes(void)
{
	return __atomic_load_n(&wakes, __ATOMIC_ACQUIRE);
}

/* -- Finding, making, ending ---------------------------------------------------------------------------------------- */

static guint group_hash(gconstpointer data)
{
	const Wait *wait = &((const Group *)data)->wait;
	uint64_t hash = wait->how;

	for (size_t i = 0; i < G_N_ELEMENTS(wait->key); i++)
		hash = (hash ^ (uint64_t)wait->key[i]) * 0x9e3779b97f4a7c15ULL;
	return (guint)(hash >> 32);
}

static gboolean group_equal(gconstpointer a, gconstpointer b)
{
	const Wait *x = &((const Group *)a)->wait, *y = &((const Group *)b)->wait;

	return x->how == y->how && x->ready == y->ready && memcmp(x->key, y->key, sizeof x->key) == 0 &&
	       ((const Group *)a)->ops == ((const Group *)b)->ops;
}

bool group_empty(const Group *group)
{
	return g_queue_is_empty((GQueue *)&group->requests) && g_queue_is_empty((GQueue *)&group->watches) &&
	       !group->fed;
}

/* Called with the waiting lock held. */
static void charge(uid_t uid, int threads)
{
	gpointer key = GUINT_TO_POINTER(uid);
	int now = GPOINTER_TO_INT(g_hash_table_lookup(charged, key)) + threads;

	if (now > 0)
		g_hash_table_insert(charged, key, GINT_TO_POINTER(now));
	else
		g_hash_table_remove(charged, key);
}

/* Called with the waiting lock held. NULL, with the reason noted: the user has too many. */
static Group *group_new(const Group *key, uid_t uid)
{
	const Wait *wait = &key->wait;
	Group *group;
	int threads = GPOINTER_TO_INT(g_hash_table_lookup(charged, GUINT_TO_POINTER(uid)));

	if (wait->how != WAIT_FD && uid != 0 && threads >= GROUPS_USER) {
		why_refuse(ENOMEM, "you wait for %d different things already", GROUPS_USER);
		return NULL;
	}
	group = g_new0(Group, 1);
	group->wait = *wait;
	group->ops = key->ops;
	group->uid = uid;
	group->fd = -1;
	g_queue_init(&group->requests);
	g_queue_init(&group->watches);
	if (wait->how == WAIT_FD) {
		struct epoll_event event = {.events = wait->events | EPOLLONESHOT, .data.ptr = group};

		if (wait->fd >= 0)
			group->fd = dup(wait->fd);
		if (wait->fd >= 0 && (group->fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, group->fd, &event))) {
			why_refuse(ENOMEM, "the daemon has no descriptor left to wait with: %s", g_strerror(errno));
			if (group->fd >= 0)
				close(group->fd);
			g_free(group);
			return NULL;
		}
	} else {
		charge(uid, 1);
	}
	g_hash_table_add(groups, group);
	return group;
}

/* Takes an empty group out of everything; it is the caller's to free. Called with the waiting lock held. */
static void group_end(Group *group)
{
	g_hash_table_remove(groups, group);
	if (group->kicked)
		g_queue_remove(&kicks, group);
	if (group->woken)
		g_queue_remove(&woken, group);
	if (group->fd >= 0) {
		/* Closing does not: the mechanism's descriptor is of the same open file. */
		epoll_ctl(epoll, EPOLL_CTL_DEL, group->fd, NULL);
		close(group->fd);
	}
	if (group->wait.how != WAIT_FD)
		charge(group->uid, -1);
}

void group_kick(Group *group)
{
	if (group->kicked)
		return;
	group->kicked = true;
	g_queue_push_tail(&kicks, group);
	group_wake_watcher();
}

/* Takes the first request of a group out, to be run by the caller. Called with the waiting lock held. */
static Request *group_pop(Group *group)
{
	GList *link = g_queue_pop_head_link(&group->requests);
	Request *request = link ? link->data : NULL;

	if (request) {
		request->state = RUNNING;
		request->group = group;
		request->done_before = request->done;
	}
	return request;
}

/*
 * What becomes of a request that still has to wait. WAITS: it is back where it was, behind the others if it has got on, since
 * a long write must not keep all those waiting that came after it; MOVED: it waits for something else by now, wherever that
 * is, or is over; ENDS: it was interrupted, and the caller has to finish it.
 */
typedef enum Onwards { WAITS, MOVED, ENDS } Onwards;

static Onwards group_put_back(Group *group, Request *request)
{
	Onwards onwards = WAITS;
	Wait wait;

	request_wait(request, &wait);
	g_mutex_lock(&waiting_lock);
	if (request->interrupted) {
		onwards = ENDS;
	} else if (wait.how != group->wait.how || memcmp(wait.key, group->wait.key, sizeof wait.key) != 0) {
		request->group = NULL;
		onwards = MOVED;
	} else {
		request->state = PARKED;
		if (request->done > request->done_before)
			g_queue_push_tail_link(&group->requests, &request->link);
		else
			g_queue_push_head_link(&group->requests, &request->link);
	}
	g_mutex_unlock(&waiting_lock);
	if (onwards == MOVED)
		request_again(request);
	if (onwards == ENDS)
		request_give_up(request, -EINTR);
	return onwards;
}

Group *group_for(const Wait *wait, const StreamOps *ops, uid_t uid, bool *fresh)
{
	const Group key = {.wait = *wait, .ops = wait->how == WAIT_CALL ? ops : NULL};
	Group *group = g_hash_table_lookup(groups, &key);

	/* Only one that needs a worker is its maker's to start: one with a descriptor may be gone once the lock is. */
	*fresh = !group && wait->how != WAIT_FD;
	return group ? group : group_new(&key, uid);
}

/* -- Waking --------------------------------------------------------------------------------------------------------- */

/* What a group waits for may be there: tells those who poll, and lets its requests try, in order, until one has to wait. */
static void group_try(Group *group)
{
	polling_notify(group);
	for (;;) {
		Onwards onwards;
		Request *request;

		g_mutex_lock(&waiting_lock);
		request = group_pop(group);
		g_mutex_unlock(&waiting_lock);
		if (!request)
			return;
		why_forget();
		onwards = request_step(request, TRY) ? ENDS : group_put_back(group, request);
		if (onwards == WAITS)
			return;
		if (onwards == ENDS)
			request_finish(request);
	}
}

/* Ends a group that nobody waits in any more. */
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

/* -- Workers -------------------------------------------------------------------------------------------------------- */

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
		why_forget();
		over = request_step(request, SLEEP);
		set_sleeping(group, false);
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
		why_refuse(ENOMEM, "the daemon has %d threads that wait already", WORKERS_MAX);
		request_give_up(request, -ENOMEM);
		request_finish(request);
	}
	polling_notify(group);
	if (!group_ended(group))
		group_start(group);
}

/* -- The watching thread's part ------------------------------------------------------------------------------------- */

/* A descriptor is ready. */
static void group_event(Group *group)
{
	struct epoll_event again = {.events = group->wait.events | EPOLLONESHOT, .data.ptr = group};

	group_try(group);
	if (!group_ended(group) && group->fd >= 0)
		epoll_ctl(epoll, EPOLL_CTL_MOD, group->fd, &again);
}

/* The group that waits with WAIT_FD and this key, or NULL. Called with the waiting lock held. */
static Group *group_of_key(const int64_t key[4])
{
	Group probe = {.wait = {.how = WAIT_FD}};

	memcpy(probe.wait.key, key, sizeof probe.wait.key);
	return g_hash_table_lookup(groups, &probe);
}

/* Has the watching thread let the group try. Called with the waiting lock held. */
static void group_wake(Group *group)
{
	if (group->woken)
		return;
	group->woken = true;
	g_queue_push_tail(&woken, group);
	group_wake_watcher();
}

/* backend_wake() of this process. */
static void wake_key(const int64_t key[4])
{
	Group *group;

	g_mutex_lock(&waiting_lock);
	__atomic_add_fetch(&wakes, 1, __ATOMIC_RELEASE); /* read without the lock in waiting_wakes() */
	group = group_of_key(key);
	if (group)
		group_wake(group);
	g_mutex_unlock(&waiting_lock);
}

bool waiting_feed(const int64_t key[4])
{
	static _Thread_local bool feeding;
	Request *request = NULL;
	unsigned wakes_before = 0;
	Group *group;
	bool over, progress;

	if (feeding)
		return false;
	g_mutex_lock(&waiting_lock);
	group = group_of_key(key);
	if (group)
		request = group_pop(group);
	if (request) {
		group->fed++;
		wakes_before = wakes;
	}
	g_mutex_unlock(&waiting_lock);
	if (!request)
		return false;
	feeding = true;
	over = request_step(request, TRY);
	progress = over || request->done > request->done_before;
	if (over || group_put_back(group, request) == ENDS)
		request_finish(request);
	feeding = false;
	g_mutex_lock(&waiting_lock);
	group->fed--;
	/* Whoever woke the group meanwhile did not find the request there. */
	if (wakes != wakes_before)
		group_wake(group);
	if (group_empty(group))
		group_kick(group);
	g_mutex_unlock(&waiting_lock);
	return progress;
}

static void try_woken(void)
{
	for (;;) {
		Group *group;

		g_mutex_lock(&waiting_lock);
		group = g_queue_pop_head(&woken);
		if (group)
			group->woken = false;
		g_mutex_unlock(&waiting_lock);
		if (!group)
			return;
		group_event(group);
	}
}

bool group_attend(void)
{
	g_autoptr(GArray) threads = g_array_new(FALSE, FALSE, sizeof(pid_t));

	g_mutex_lock(&waiting_lock);
	for (GList *link = kicks.head, *next; link; link = next) {
		Group *group = link->data;

		next = link->next;
		if (group->sleeping && (group->sleeper ? group->sleeper->interrupted : group_empty(group))) {
			g_array_append_val(threads, group->thread);
		} else {
			group->kicked = false;
			g_queue_delete_link(&kicks, link);
			/* A group without a worker ends here: nobody but this thread, and it not now, works on a group with a descriptor. */
			if (group->wait.how == WAIT_FD && group_empty(group)) {
				group_end(group);
				g_free(group);
			}
		}
	}
	g_mutex_unlock(&waiting_lock);
	for (guint i = 0; i < threads->len; i++)
		worker_kick(g_array_index(threads, pid_t, i));
	return threads->len > 0;
}

void group_watch(int timeout)
{
	struct epoll_event events[64];
	int n = epoll_wait(epoll, events, G_N_ELEMENTS(events), timeout);
	eventfd_t count;

	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr)
			group_event(events[i].data.ptr);
		else
			eventfd_read(wake, &count);
	}
	try_woken();
}

void group_prepare(void)
{
	struct epoll_event event = {.events = EPOLLIN};

	groups = g_hash_table_new(group_hash, group_equal);
	charged = g_hash_table_new(NULL, NULL);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (epoll < 0 || wake < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &event))
		g_error("cannot watch descriptors: %s", g_strerror(errno));
	backend_wake = wake_key;
}
