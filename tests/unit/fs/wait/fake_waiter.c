#include "tests/unit/fs/wait/fake_waiter.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { LIMIT_MS = 10000 };

struct FakeWatches fake_watches;
static int ends;

static FakeWaiter *fake_of(const Waiter *waiter)
{
	return (FakeWaiter *)waiter;
}

static bool attempt(Waiter *waiter)
{
	FakeWaiter *fake = fake_of(waiter);

	g_atomic_int_inc(&fake->attempts);
	waiter->done += fake->step;
	return fake->succeeds >= 0 && fake->succeeds-- == 0;
}

/* Sleeps until a signal comes, or the test lets it succeed. */
static bool call(Waiter *waiter)
{
	FakeWaiter *fake = fake_of(waiter);

	g_atomic_int_inc(&fake->calls);
	while (g_atomic_int_get(&fake->succeeds) != 0)
		if (usleep(1000) < 0 && errno == EINTR && !waiter->queue->wait.visits)
			return false;
	return true;
}

static void get_wait(const Waiter *waiter, Wait *out)
{
	*out = fake_of(waiter)->wait;
}

static void retry(Waiter *waiter)
{
	g_atomic_int_inc(&fake_of(waiter)->retries);
}

static void finish(Waiter *waiter)
{
	g_atomic_int_set(&fake_of(waiter)->finished, g_atomic_int_add(&ends, 1) + 1);
}

static void give_up(Waiter *waiter, int error)
{
	fake_of(waiter)->error = error;
}

static void detach(Waiter *waiter)
{
	waiter->detached = true;
	fake_of(waiter)->detached++;
}

static void reply_detached(Waiter *waiter)
{
	g_atomic_int_inc(&fake_of(waiter)->replied);
}

static size_t remaining(const Waiter *waiter)
{
	return fake_of(waiter)->size - waiter->done;
}

static bool receive(Waiter *waiter, const char *bytes, size_t size)
{
	FakeWaiter *fake = fake_of(waiter);

	memcpy(fake->bytes, bytes, size);
	fake->filled = size;
	return true;
}

static bool send_bytes(Waiter *waiter, char *bytes, size_t size)
{
	FakeWaiter *fake = fake_of(waiter);

	memcpy(bytes, fake->bytes + waiter->done, size);
	waiter->done += size;
	return waiter->done == fake->size;
}

static const WaiterOps ops = {
	.attempt = attempt,
	.call = call,
	.wait = get_wait,
	.retry = retry,
	.finish = finish,
	.give_up = give_up,
	.detach = detach,
	.reply_detached = reply_detached,
	.remaining = remaining,
	.receive = receive,
	.send = send_bytes,
};

static void notify(WaitQueue *queue)
{
	Watch *watch;

	g_atomic_int_inc(&fake_watches.notified);
	g_mutex_lock(&waiting_lock);
	while ((watch = g_queue_peek_head(&queue->watches)))
		wait_queue_remove_watch(queue, watch);
	g_mutex_unlock(&waiting_lock);
}

static bool is_ready(WaitQueue *queue)
{
	(void)queue;
	fake_watches.asked++;
	return fake_watches.ready;
}

static const WatchOps watch_ops = {.notify = notify, .ready = is_ready};

void fake_waiters_start(void)
{
	wait_queue_watch_ops = &watch_ops;
	wait_queue_prepare();
}

Wait fake_wait(int64_t number)
{
	return (Wait){.how = WAIT_FD, .fd = -1, .key = {0x7e57, number}};
}

FakeWaiter *fake_waiter(Wait wait)
{
	static const FileDesc desc;
	static Handle handle = {.desc = &desc};
	static GSList *all; /* keeps the waiters reachable, so that LeakSanitizer does not report them */
	FakeWaiter *fake = g_new0(FakeWaiter, 1);

	all = g_slist_prepend(all, fake);
	fake->waiter.ops = &ops;
	fake->waiter.handle = &handle;
	fake->waiter.link.data = &fake->waiter;
	fake->wait = wait;
	fake->succeeds = -1;
	return fake;
}

WaitQueue *fake_waiter_push(FakeWaiter *fake)
{
	WaitQueue *queue;
	bool fresh;

	g_mutex_lock(&waiting_lock);
	queue = wait_queue_get(&fake->wait, NULL, 0, &fresh);
	g_assert_nonnull(queue);
	wait_queue_push(queue, &fake->waiter);
	g_mutex_unlock(&waiting_lock);
	return queue;
}

WaitQueue *fake_queue_find(int64_t number)
{
	const Wait wait = fake_wait(number);
	WaitQueue *queue;

	g_mutex_lock(&waiting_lock);
	queue = wait_queue_find(wait.key);
	g_mutex_unlock(&waiting_lock);
	return queue;
}

void fake_expect(const int *counter, int value)
{
	const gint64 limit = g_get_monotonic_time() + LIMIT_MS * 1000;

	while (g_atomic_int_get(counter) != value && g_get_monotonic_time() < limit)
		g_usleep(500);
	g_assert_cmpint(g_atomic_int_get(counter), ==, value);
}
