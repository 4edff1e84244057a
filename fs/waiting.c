/*
 * Requests that wait.
 *
 * What waits for the same thing waits in one Group, in order. A group has a descriptor in the epoll set of the watching
 * thread (WAIT_FD), or a worker thread that sleeps in a system call (WAIT_READY, WAIT_CALL).
 *
 * Interrupts: FUSE's callback runs under libfuse's lock of the request, so it only takes the request out of where it waits
 * and leaves it to the watching thread, which answers EINTR. A request that a worker sleeps for is left to that worker,
 * which is kicked out of its system call: again and again, every millisecond, since a kick that comes just before the call
 * is lost. A group that has lost its last request has its worker kicked in the same way.
 *
 * Locking: `lock`, "the waiting lock", guards groups, sides, watches and the states of requests. It is held for a few
 * instructions; of system calls only epoll_ctl and dup, which do not sleep, are made under it. libfuse's lock of a
 * request is taken before it (in the callback), never after.
 */
#include "fs/waiting.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backends/why.h"
#include "fs/worker.h"

enum {
	KICK_MS = 1,
	LOOK_MS = 10,      /* how often a poll that nothing can wake is looked at */
	GROUPS_USER = 1024 /* threads that one user's waiting may take; root: WORKERS_MAX */
};

struct Group {
	Wait wait;
	GQueue requests; /* PARKED */
	GQueue watches;  /* Watch.link: File */
	uid_t uid;       /* of whoever made it, to whom its thread is charged */
	int fd;          /* WAIT_FD: a duplicate of our own, so that two groups may watch one */
	pid_t thread;
	bool sleeping;
	Request *sleeper; /* WAIT_CALL: whom the thread sleeps for */
	bool kicked;      /* in `kicks` */
	bool woken;       /* in `woken` */
};

static GMutex lock;
static GHashTable *groups;                /* Protected by lock, as all below. Group -> itself, by its wait. */
static GHashTable *charged;               /* uid -> threads */
static GQueue interrupted = G_QUEUE_INIT; /* Request, ENDING: to be answered EINTR */
static GQueue kicks = G_QUEUE_INIT;       /* Group whose thread has to wake */
static GQueue woken = G_QUEUE_INIT;       /* Group with a descriptor that backend_wake() was called for */
static unsigned wakes;                    /* calls of backend_wake() */
static GQueue lookouts = G_QUEUE_INIT;    /* Watch.link of watches without a group */

static int epoll = -1, wake = -1;

static void wake_watcher(void)
{
	eventfd_write(wake, 1);
}

/* -- Groups --------------------------------------------------------------------------------------------------------- */

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

	return x->how == y->how && x->ready == y->ready && memcmp(x->key, y->key, sizeof x->key) == 0;
}

static bool group_empty(const Group *group)
{
	return g_queue_is_empty((GQueue *)&group->requests) && g_queue_is_empty((GQueue *)&group->watches);
}

/* Called with lock held. */
static void charge(uid_t uid, int threads)
{
	gpointer key = GUINT_TO_POINTER(uid);
	int now = GPOINTER_TO_INT(g_hash_table_lookup(charged, key)) + threads;

	if (now > 0)
		g_hash_table_insert(charged, key, GINT_TO_POINTER(now));
	else
		g_hash_table_remove(charged, key);
}

/* Called with lock held. NULL, with the reason noted: the user has too many. */
static Group *group_new(const Wait *wait, uid_t uid)
{
	Group *group;
	int threads = GPOINTER_TO_INT(g_hash_table_lookup(charged, GUINT_TO_POINTER(uid)));

	if (wait->how != WAIT_FD && uid != 0 && threads >= GROUPS_USER) {
		why_refuse(ENOMEM, "you wait for %d different things already", GROUPS_USER);
		return NULL;
	}
	group = g_new0(Group, 1);
	group->wait = *wait;
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

/* Takes an empty group out of everything; it is the caller's to free. Called with lock held. */
static void group_end(Group *group)
{
	g_hash_table_remove(groups, group);
	if (group->kicked)
		g_queue_remove(&kicks, group);
	if (group->woken)
		g_queue_remove(&woken, group);
	if (group->fd >= 0)
		close(group->fd); /* which takes it out of the epoll set */
	if (group->wait.how != WAIT_FD)
		charge(group->uid, -1);
}

/* Has the watching thread look after a group that may wait for nobody any more. Called with lock held. */
static void group_kick(Group *group)
{
	if (group->kicked)
		return;
	group->kicked = true;
	g_queue_push_tail(&kicks, group);
	wake_watcher();
}

/* Takes the first request of a group out, to be run by the caller. Called with lock held. */
static Request *group_pop(Group *group)
{
	GList *link = g_queue_pop_head_link(&group->requests);
	Request *request = link ? link->data : NULL;

	if (request) {
		request->state = RUNNING;
		request->group = group;
	}
	return request;
}

/* Puts a request that still has to wait back to where it was. It is the caller's if that returns false. */
static bool group_put_back(Group *group, Request *request)
{
	bool parked;

	g_mutex_lock(&lock);
	parked = !request->interrupted;
	if (parked) {
		request->state = PARKED;
		g_queue_push_head_link(&group->requests, &request->link);
	}
	g_mutex_unlock(&lock);
	if (!parked)
		request_give_up(request, -EINTR);
	return parked;
}

/* Takes the poll handle of a file whose watches are disarmed by that. Called with lock held. */
static struct fuse_pollhandle *disarm(File *file)
{
	struct fuse_pollhandle *handle = file->poll_handle;

	file->poll_handle = NULL;
	for (int direction = READING; direction <= WRITING; direction++) {
		Watch *watch = &file->watches[direction];

		if (!watch->armed)
			continue;
		watch->armed = false;
		if (watch->group) {
			g_queue_unlink(&watch->group->watches, &watch->link);
			if (group_empty(watch->group))
				group_kick(watch->group);
		} else {
			g_queue_unlink(&lookouts, &watch->link);
		}
	}
	return handle;
}

static void notify(struct fuse_pollhandle *handle)
{
	if (!handle)
		return;
	fuse_lowlevel_notify_poll(handle);
	fuse_pollhandle_destroy(handle);
}

/* Tells everybody who polls for what the group waits for. */
static void group_notify(Group *group)
{
	GList *watch;

	do {
		struct fuse_pollhandle *handle = NULL;

		g_mutex_lock(&lock);
		watch = g_queue_peek_head_link(&group->watches);
		if (watch)
			handle = disarm(watch->data);
		g_mutex_unlock(&lock);
		notify(handle);
	} while (watch);
}

/* What a group waits for may be there: tells those who poll, and lets its requests try, in order, until one has to wait. */
static void group_try(Group *group)
{
	group_notify(group);
	for (;;) {
		Request *request;

		g_mutex_lock(&lock);
		request = group_pop(group);
		g_mutex_unlock(&lock);
		if (!request)
			return;
		why_forget();
		if (!request_step(request, TRY) && group_put_back(group, request))
			return;
		request_finish(request);
	}
}

/* Ends a group that nobody waits in any more. */
static bool group_ended(Group *group)
{
	bool ended;

	g_mutex_lock(&lock);
	ended = group_empty(group);
	if (ended)
		group_end(group);
	g_mutex_unlock(&lock);
	if (!ended)
		return false;
	if (group->wait.over)
		group->wait.over(&group->wait);
	g_free(group);
	return true;
}

/* -- Worker threads ------------------------------------------------------------------------------------------------- */

static void set_sleeping(Group *group, bool sleeping)
{
	g_mutex_lock(&lock);
	group->sleeping = sleeping;
	if (!sleeping)
		group->sleeper = NULL;
	else if (group_empty(group))
		group_kick(group);
	g_mutex_unlock(&lock);
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

		g_mutex_lock(&lock);
		request = group_pop(group);
		if (request) {
			group->sleeping = true;
			group->sleeper = request;
		}
		g_mutex_unlock(&lock);
		if (!request)
			continue;
		why_forget();
		over = request_step(request, SLEEP);
		set_sleeping(group, false);
		if (over || !group_put_back(group, request))
			request_finish(request);
	}
}

/* Starts the thread of a new group; where there is none to be had, whoever waits in it already is refused. */
static void group_start(Group *group)
{
	if (group->wait.how == WAIT_FD ||
	    worker_run(group->wait.how == WAIT_READY ? ready_main : call_main, group) == 0)
		return;
	for (;;) {
		Request *request;

		g_mutex_lock(&lock);
		request = group_pop(group);
		g_mutex_unlock(&lock);
		if (!request)
			break;
		why_refuse(ENOMEM, "the daemon has %d threads that wait already", WORKERS_MAX);
		request_give_up(request, -ENOMEM);
		request_finish(request);
	}
	group_notify(group);
	if (!group_ended(group))
		group_start(group);
}

/* Finds or makes the group for `wait`. Called with lock held. NULL: refused. */
static Group *group_for(const Wait *wait, uid_t uid, bool *fresh)
{
	const Group key = {.wait = *wait};
	Group *group = g_hash_table_lookup(groups, &key);

	*fresh = !group;
	return group ? group : group_new(wait, uid);
}

/* -- Requests ------------------------------------------------------------------------------------------------------- */

bool waiting_enter(Request *request)
{
	Side *side = request_side(request);
	bool first;

	if (!side)
		return true;
	g_mutex_lock(&lock);
	first = !side->busy;
	if (first) {
		side->busy = true;
		request->entered = true;
	} else if (request->kept && request->interrupted) {
		request->state = ENDING;
		g_queue_push_tail_link(&interrupted, &request->link);
		wake_watcher();
	} else if (request->kept) {
		request->state = BEHIND;
		g_queue_push_tail_link(&side->behind, &request->link);
	}
	g_mutex_unlock(&lock);
	return first;
}

Request *waiting_leave(Request *request)
{
	Side *side = request_side(request);
	Request *next = NULL;
	GList *link;

	if (!request->entered)
		return NULL;
	g_mutex_lock(&lock);
	link = g_queue_pop_head_link(&side->behind);
	if (link) {
		next = link->data;
		next->state = RUNNING;
		next->entered = true;
	} else {
		side->busy = false;
	}
	g_mutex_unlock(&lock);
	return next;
}

static Direction direction_of(const Request *request)
{
	switch (request->operation) {
	case OPEN:
		return OPENING;
	case READ:
		return READING;
	default:
		return WRITING;
	}
}

unsigned waiting_wakes(void)
{
	return __atomic_load_n(&wakes, __ATOMIC_ACQUIRE);
}

Park waiting_park(Request *request, unsigned wakes_before)
{
	Handle *handle = &request->file->handle;
	Park park = PARK_REFUSED;
	Group *group = NULL;
	bool fresh = false;
	Wait wait;

	handle->row->stream->wait(handle, direction_of(request), request->size, &wait);
	g_mutex_lock(&lock);
	if (request->interrupted)
		request_give_up(request, -EINTR);
	else if (wait.how == WAIT_FD && wakes != wakes_before)
		park = PARK_AGAIN;
	else if (!(group = group_for(&wait, handle->caller.uid, &fresh)))
		request_give_up(request, -ENOMEM);
	else
		park = PARK_DONE;
	if (park == PARK_DONE) {
		request->state = PARKED;
		request->group = group;
		g_queue_push_tail_link(&group->requests, &request->link);
	}
	g_mutex_unlock(&lock);
	if (fresh && group)
		group_start(group);
	return park;
}

void waiting_interrupt(fuse_req_t req, void *data)
{
	Request *request = data;
	bool ending = false;

	(void)req;
	g_mutex_lock(&lock);
	request->interrupted = true;
	if (request->state == PARKED) {
		g_queue_unlink(&request->group->requests, &request->link);
		if (group_empty(request->group))
			group_kick(request->group);
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
		wake_watcher();
	}
	g_mutex_unlock(&lock);
}

/* -- Polling -------------------------------------------------------------------------------------------------------- */

void waiting_watch(File *file, struct fuse_pollhandle *handle, int directions, unsigned wakes_before)
{
	Group *fresh_groups[2] = {NULL, NULL};
	struct fuse_pollhandle *old, *late = NULL;
	Wait waits[2];

	for (int direction = READING; direction <= WRITING; direction++)
		if (directions & (1 << direction))
			file->handle.row->stream->wait(&file->handle, direction, 0, &waits[direction]);
	g_mutex_lock(&lock);
	old = file->poll_handle;
	file->poll_handle = handle;
	for (int direction = READING; direction <= WRITING; direction++) {
		Watch *watch = &file->watches[direction];
		bool fresh = false;

		if (!(directions & (1 << direction)) || watch->armed)
			continue;
		watch->armed = true;
		/* What a WAIT_CALL would do must not be done for somebody who only asks; nor is a poll ever refused. */
		watch->group = waits[direction].how == WAIT_CALL ?
				       NULL :
				       group_for(&waits[direction], file->handle.caller.uid, &fresh);
		g_queue_push_tail_link(watch->group ? &watch->group->watches : &lookouts, &watch->link);
		if (fresh)
			fresh_groups[direction] = watch->group;
		if (!watch->group)
			wake_watcher();
	}
	if (wakes != wakes_before)
		late = disarm(file);
	g_mutex_unlock(&lock);
	if (old)
		fuse_pollhandle_destroy(old);
	notify(late);
	for (int direction = READING; direction <= WRITING; direction++)
		if (fresh_groups[direction])
			group_start(fresh_groups[direction]);
}

void waiting_unwatch(File *file)
{
	struct fuse_pollhandle *handle;

	g_mutex_lock(&lock);
	handle = disarm(file);
	g_mutex_unlock(&lock);
	if (handle)
		fuse_pollhandle_destroy(handle);
}

/* -- The watching thread -------------------------------------------------------------------------------------------- */

/* A descriptor is ready. */
static void group_event(Group *group)
{
	struct epoll_event again = {.events = group->wait.events | EPOLLONESHOT, .data.ptr = group};

	group_try(group);
	if (!group_ended(group) && group->fd >= 0)
		epoll_ctl(epoll, EPOLL_CTL_MOD, group->fd, &again);
}

/* backend_wake() of this process. */
static void wake_key(const int64_t key[4])
{
	Group probe = {.wait = {.how = WAIT_FD}};
	Group *group;

	memcpy(probe.wait.key, key, sizeof probe.wait.key);
	g_mutex_lock(&lock);
	__atomic_add_fetch(&wakes, 1, __ATOMIC_RELEASE);
	group = g_hash_table_lookup(groups, &probe);
	if (group && !group->woken) {
		group->woken = true;
		g_queue_push_tail(&woken, group);
		wake_watcher();
	}
	g_mutex_unlock(&lock);
}

static void try_woken(void)
{
	for (;;) {
		Group *group;

		g_mutex_lock(&lock);
		group = g_queue_pop_head(&woken);
		if (group)
			group->woken = false;
		g_mutex_unlock(&lock);
		if (!group)
			return;
		group_event(group);
	}
}

/* Answers the requests that were interrupted where they waited. */
static void end_interrupted(void)
{
	for (;;) {
		Request *request;
		GList *link;

		g_mutex_lock(&lock);
		link = g_queue_pop_head_link(&interrupted);
		request = link ? link->data : NULL;
		g_mutex_unlock(&lock);
		if (!request)
			return;
		request_give_up(request, -EINTR);
		request_finish(request);
	}
}

/* Kicks every thread that sleeps for nobody, and ends such groups without one. Returns whether to come back soon. */
static bool kick_sleepers(void)
{
	g_autoptr(GArray) threads = g_array_new(FALSE, FALSE, sizeof(pid_t));

	g_mutex_lock(&lock);
	for (GList *link = kicks.head, *next; link; link = next) {
		Group *group = link->data;

		next = link->next;
		if (group->sleeping && (group->sleeper ? group->sleeper->interrupted : group_empty(group))) {
			g_array_append_val(threads, group->thread);
		} else {
			group->kicked = false;
			g_queue_delete_link(&kicks, link);
			/* Nobody but this thread, and it not now, works on a group with a descriptor. */
			if (group->wait.how == WAIT_FD && group_empty(group)) {
				group_end(group);
				g_free(group);
			}
		}
	}
	g_mutex_unlock(&lock);
	for (guint i = 0; i < threads->len; i++)
		worker_kick(g_array_index(threads, pid_t, i));
	return threads->len > 0;
}

/* Looks at polls that nothing wakes. Returns whether there are any. */
static bool look_out(void)
{
	g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func((GDestroyNotify)file_unref);

	g_mutex_lock(&lock);
	for (GList *link = lookouts.head; link; link = link->next)
		g_ptr_array_add(files, file_ref(link->data));
	g_mutex_unlock(&lock);
	for (guint i = 0; i < files->len; i++) {
		File *file = files->pdata[i];
		struct fuse_pollhandle *handle = NULL;
		int events = file->handle.row->stream->poll(&file->handle);

		g_mutex_lock(&lock);
		for (int direction = READING; direction <= WRITING; direction++) {
			int wanted = POLLERR | POLLHUP | (direction == READING ? POLLIN : POLLOUT);

			if (file->watches[direction].armed && (events & wanted)) {
				handle = disarm(file);
				break;
			}
		}
		g_mutex_unlock(&lock);
		notify(handle);
	}
	return files->len > 0;
}

static void *watch_main(void *unused)
{
	int timeout = -1;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	for (;;) {
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
		end_interrupted();
		timeout = look_out() ? LOOK_MS : -1;
		if (kick_sleepers())
			timeout = KICK_MS;
	}
	return unused;
}

void waiting_start(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	pthread_t thread;

	groups = g_hash_table_new(group_hash, group_equal);
	charged = g_hash_table_new(NULL, NULL);
	backend_wake = wake_key;
	epoll = epoll_create1(EPOLL_CLOEXEC);
	wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (epoll < 0 || wake < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &event))
		g_error("cannot watch descriptors: %s", g_strerror(errno));
	if (pthread_create(&thread, NULL, watch_main, NULL))
		g_error("cannot start a thread");
	pthread_detach(thread);
}
