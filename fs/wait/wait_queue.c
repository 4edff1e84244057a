#include "fs/wait/wait_queue.h"

#include <errno.h>
#include <string.h>

#include "backends/core/host.h"
#include "backends/core/refusal.h"

enum { GROUPS_USER = 1024 /* threads that one user's waiting may take; root: WORKERS_MAX */ };

GMutex waiting_lock;
GQueue group_kicks = G_QUEUE_INIT; /* Protected by the waiting lock, as all below. Group */

static GHashTable *groups;          /* Group -> itself, by its wait */
static GHashTable *charged;         /* uid -> threads */
static GQueue woken = G_QUEUE_INIT; /* Group, to be tried by the watching thread */
static unsigned wakes;              /* see group_wakes() */

void group_count_wake(void)
{
	__atomic_add_fetch(&wakes, 1, __ATOMIC_RELEASE); /* read without the lock in waiting_wakes() */
}

unsigned group_wakes(void)
{
	return wakes;
}

unsigned waiting_wakes(void)
{
	return __atomic_load_n(&wakes, __ATOMIC_ACQUIRE);
}

/* -- Finding and making --------------------------------------------------------------------------------------------- */

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

/* Called with the waiting lock held. NULL, with the reason noted: the user has too many, or the daemon. */
static Group *group_new(const Group *key, uid_t uid)
{
	const Wait *wait = &key->wait;
	Group *group;
	int threads = GPOINTER_TO_INT(g_hash_table_lookup(charged, GUINT_TO_POINTER(uid)));

	if (wait->how != WAIT_FD && uid != 0 && threads >= GROUPS_USER) {
		refuse(ENOMEM, "you wait for %d different things already", GROUPS_USER);
		return NULL;
	}
	group = g_new0(Group, 1);
	group->wait = *wait;
	group->ops = key->ops;
	group->uid = uid;
	group->fd = -1;
	g_queue_init(&group->requests);
	g_queue_init(&group->watches);
	if (wait->how == WAIT_FD && wait->fd >= 0 && !watcher_add(group)) {
		g_free(group);
		return NULL;
	}
	if (wait->how != WAIT_FD)
		charge(uid, 1);
	g_hash_table_add(groups, group);
	return group;
}

/* -- Ending ------------------------------------------------------------------------------------------------------- */

bool group_empty(const Group *group)
{
	return g_queue_is_empty((GQueue *)&group->requests) && g_queue_is_empty((GQueue *)&group->watches) &&
	       !group->holders;
}

/* Called with the waiting lock held. */
static void not_woken(Group *group)
{
	if (group->woken)
		g_queue_remove(&woken, group);
	group->woken = false;
}

void group_end(Group *group)
{
	g_hash_table_remove(groups, group);
	not_woken(group);
	if (group->kicked)
		g_queue_remove(&group_kicks, group);
	if (group->wait.how != WAIT_FD)
		charge(group->uid, -1);
}

/* Ends an empty group without a worker. Called with the waiting lock held. */
static void group_end_unwatched(Group *group)
{
	group_end(group);
	if (group->fd >= 0)
		watcher_drop(group);
	g_free(group);
}

void group_settle(Group *group)
{
	if (!group_empty(group))
		return;
	if (group->wait.how != WAIT_FD)
		group_kick(group);
	else
		group_end_unwatched(group);
}

void group_hold(Group *group)
{
	group->holders++;
}

void group_let_go(Group *group)
{
	group->holders--;
	group_settle(group);
}

/* -- Waiting in a group --------------------------------------------------------------------------------------------- */

Group *group_for(const Wait *wait, const StreamOps *ops, uid_t uid, bool *fresh)
{
	const Group key = {.wait = *wait, .ops = wait->how == WAIT_CALL ? ops : NULL};
	Group *group = g_hash_table_lookup(groups, &key);

	*fresh = !group && wait->how != WAIT_FD;
	return group ? group : group_new(&key, uid);
}

Group *group_of_key(const int64_t key[4])
{
	Group probe = {.wait = {.how = WAIT_FD}};

	memcpy(probe.wait.key, key, sizeof probe.wait.key);
	return g_hash_table_lookup(groups, &probe);
}

void group_arm(Group *group)
{
	watcher_arm(group);
}

void group_push(Group *group, Request *request)
{
	request->state = PARKED;
	request->group = group;
	g_queue_push_tail_link(&group->requests, &request->link);
	group_arm(group);
}

Request *group_pop(Group *group)
{
	GList *link = g_queue_pop_head_link(&group->requests);
	Request *request = link ? link->data : NULL;

	if (request) {
		request->state = RUNNING;
		request->group = group;
		request->done_before = request->done;
		request->seen = group->wakes;
	}
	return request;
}

Onwards group_put_back(Group *group, Request *request)
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
		/* Behind the others if it has got on: a long write must not keep all those waiting that came after it. */
		if (request->done > request->done_before)
			g_queue_push_tail_link(&group->requests, &request->link);
		else
			g_queue_push_head_link(&group->requests, &request->link);
		group_arm(group);
		if (group->wakes != request->seen)
			group_wake(group);
	}
	g_mutex_unlock(&waiting_lock);
	if (onwards == MOVED)
		request_again(request);
	if (onwards == ENDS)
		request_give_up(request, -EINTR);
	return onwards;
}

/* -- Being woken ---------------------------------------------------------------------------------------------------- */

void group_kick(Group *group)
{
	if (group->kicked)
		return;
	group->kicked = true;
	g_queue_push_tail(&group_kicks, group);
	watcher_call();
}

void group_wake(Group *group)
{
	if (group->woken)
		return;
	group->woken = true;
	g_queue_push_tail(&woken, group);
	watcher_call();
}

Group *group_pop_woken(void)
{
	Group *group = g_queue_pop_head(&woken);

	if (group) {
		group->woken = false;
		group_hold(group);
	}
	return group;
}

/* host_wake() of this process. */
static void wake_key(const int64_t key[4])
{
	Group *group;

	g_mutex_lock(&waiting_lock);
	group_count_wake();
	group = group_of_key(key);
	if (group) {
		group->wakes++;
		group_wake(group);
	}
	g_mutex_unlock(&waiting_lock);
}

void group_prepare(void)
{
	groups = g_hash_table_new(group_hash, group_equal);
	charged = g_hash_table_new(NULL, NULL);
	watcher_prepare();
	host_register(&(HostOps){.wake = wake_key});
}
