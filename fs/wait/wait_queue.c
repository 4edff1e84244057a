/* Wait queues (wait_queue.h, with callers and locks). */
#include "fs/wait/wait_queue.h"

#include <errno.h>
#include <string.h>

#include "backends/core/host.h"
#include "backends/core/quota.h"

/* The threads that the waiting of one user may take. WORKERS_MAX limits those of root. */
static Quota workers = {
	.what = "blocked operations with a thread each",
	.remedy = "end some",
	.error = ENOMEM,
	.user_max = 1024,
};

GMutex waiting_lock;
const WatchOps *wait_queue_watch_ops;

/* Protected by the waiting lock. */
GQueue wait_queue_interrupts = G_QUEUE_INIT; /* WaitQueue */
static GHashTable *queues;                   /* WaitQueue -> itself, by its wait */
static GQueue woken = G_QUEUE_INIT;          /* WaitQueue, to be run by the watching thread */
static unsigned wakes;                       /* also read without the lock: wait_queue_wakes() */

void wait_queue_count_wake(void)
{
	__atomic_add_fetch(&wakes, 1, __ATOMIC_RELEASE);
}

unsigned wait_queue_wakes(void)
{
	return __atomic_load_n(&wakes, __ATOMIC_ACQUIRE);
}

/* -- Finding and making --------------------------------------------------------------------------------------------- */

static guint queue_hash(gconstpointer data)
{
	const Wait *wait = &((const WaitQueue *)data)->wait;
	uint64_t hash = wait->how;

	for (size_t i = 0; i < G_N_ELEMENTS(wait->key); i++)
		hash = (hash ^ (uint64_t)wait->key[i]) * 0x9e3779b97f4a7c15ULL;
	return (guint)(hash >> 32);
}

static gboolean queue_equal(gconstpointer a, gconstpointer b)
{
	const WaitQueue *x = a, *y = b;

	return x->wait.how == y->wait.how && x->wait.ready == y->wait.ready &&
	       memcmp(x->wait.key, y->wait.key, sizeof x->wait.key) == 0 && x->ops == y->ops;
}

/* Called with the waiting lock held. NULL, with the refusal noted: the user has too many, or the daemon. */
static WaitQueue *queue_new(const WaitQueue *key, uid_t uid)
{
	const Wait *wait = &key->wait;
	WaitQueue *queue;

	if (wait->how != WAIT_FD && quota_charge(&workers, uid, 1) < 0)
		return NULL;
	queue = g_new0(WaitQueue, 1);
	queue->wait = *wait;
	queue->ops = key->ops;
	queue->uid = uid;
	queue->source.fd = -1;
	g_queue_init(&queue->waiters);
	g_queue_init(&queue->watches);
	if (wait->how == WAIT_FD && wait->fd >= 0 && !epoll_loop_add(&queue->source, queue, wait->fd, wait->events)) {
		g_free(queue);
		return NULL;
	}
	g_hash_table_add(queues, queue);
	return queue;
}

WaitQueue *wait_queue_get(const Wait *wait, const StreamOps *ops, uid_t uid, bool *fresh)
{
	const WaitQueue key = {.wait = *wait, .ops = wait->how == WAIT_CALL ? ops : NULL};
	WaitQueue *queue = g_hash_table_lookup(queues, &key);

	*fresh = !queue && wait->how != WAIT_FD;
	return queue ? queue : queue_new(&key, uid);
}

WaitQueue *wait_queue_find(const int64_t key[4])
{
	WaitQueue probe = {.wait = {.how = WAIT_FD}};

	memcpy(probe.wait.key, key, sizeof probe.wait.key);
	return g_hash_table_lookup(queues, &probe);
}

/* -- Ending --------------------------------------------------------------------------------------------------------- */

bool wait_queue_is_unused(const WaitQueue *queue)
{
	return g_queue_is_empty((GQueue *)&queue->waiters) && g_queue_is_empty((GQueue *)&queue->watches) &&
	       !queue->holders;
}

void wait_queue_retire(WaitQueue *queue)
{
	g_hash_table_remove(queues, queue);
	if (queue->woken)
		g_queue_remove(&woken, queue);
	if (queue->to_be_interrupted)
		g_queue_remove(&wait_queue_interrupts, queue);
	if (queue->wait.how != WAIT_FD)
		quota_release(&workers, queue->uid, 1);
}

/* Frees the queue if it is unused, or has its worker free it. Called with the waiting lock held. */
static void free_if_unused(WaitQueue *queue)
{
	if (!wait_queue_is_unused(queue))
		return;
	if (queue->wait.how != WAIT_FD) {
		wait_queue_interrupt_worker(queue);
		return;
	}
	wait_queue_retire(queue);
	epoll_loop_remove(&queue->source);
	g_free(queue);
}

void wait_queue_hold(WaitQueue *queue)
{
	queue->holders++;
}

void wait_queue_release(WaitQueue *queue)
{
	queue->holders--;
	free_if_unused(queue);
}

/* -- Entries -------------------------------------------------------------------------------------------------------- */

void wait_queue_push(WaitQueue *queue, Waiter *waiter)
{
	waiter->state = WAIT_QUEUED;
	waiter->queue = queue;
	g_queue_push_tail_link(&queue->waiters, &waiter->link);
	epoll_loop_arm(&queue->source);
}

void wait_queue_push_again(WaitQueue *queue, Waiter *waiter)
{
	waiter->state = WAIT_QUEUED;
	/* One long write must not keep all those waiting that came after it. */
	if (waiter->done > waiter->done_before)
		g_queue_push_tail_link(&queue->waiters, &waiter->link);
	else
		g_queue_push_head_link(&queue->waiters, &waiter->link);
	epoll_loop_arm(&queue->source);
	if (queue->wakes != waiter->queue_wakes)
		wait_queue_wake(queue);
}

Waiter *wait_queue_pop(WaitQueue *queue)
{
	GList *link = g_queue_pop_head_link(&queue->waiters);
	Waiter *waiter = link ? link->data : NULL;

	if (waiter) {
		waiter->state = RUNNING;
		waiter->queue = queue;
		waiter->done_before = waiter->done;
		waiter->queue_wakes = queue->wakes;
	}
	return waiter;
}

void wait_queue_remove(WaitQueue *queue, Waiter *waiter)
{
	g_queue_unlink(&queue->waiters, &waiter->link);
	waiter->queue = NULL;
	free_if_unused(queue);
}

void wait_queue_push_watch(WaitQueue *queue, Watch *watch)
{
	watch->queue = queue;
	g_queue_push_tail_link(&queue->watches, &watch->link);
	epoll_loop_arm(&queue->source);
}

void wait_queue_remove_watch(WaitQueue *queue, Watch *watch)
{
	g_queue_unlink(&queue->watches, &watch->link);
	watch->queue = NULL;
	free_if_unused(queue);
}

/* -- Waking --------------------------------------------------------------------------------------------------------- */

void wait_queue_interrupt_worker(WaitQueue *queue)
{
	if (queue->to_be_interrupted)
		return;
	queue->to_be_interrupted = true;
	g_queue_push_tail(&wait_queue_interrupts, queue);
	epoll_loop_interrupt();
}

void wait_queue_wake(WaitQueue *queue)
{
	if (queue->woken)
		return;
	queue->woken = true;
	g_queue_push_tail(&woken, queue);
	epoll_loop_interrupt();
}

WaitQueue *wait_queue_pop_woken(void)
{
	WaitQueue *queue = g_queue_pop_head(&woken);

	if (queue) {
		queue->woken = false;
		wait_queue_hold(queue);
	}
	return queue;
}

/* host_wake() of this process. */
static void wake_key(const int64_t key[4])
{
	WaitQueue *queue;

	g_mutex_lock(&waiting_lock);
	wait_queue_count_wake();
	queue = wait_queue_find(key);
	if (queue) {
		queue->wakes++;
		wait_queue_wake(queue);
	}
	g_mutex_unlock(&waiting_lock);
}

void wait_queue_prepare(void)
{
	queues = g_hash_table_new(queue_hash, queue_equal);
	epoll_loop_prepare();
	host_register(&(HostOps){.wake = wake_key});
}
