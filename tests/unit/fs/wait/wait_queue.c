/* Unit tests of fs/wait/wait_queue.c: finding, order, wake-ups that must not get lost, and the end of a queue. */
#include "fs/wait/wait_queue.h"

#include <errno.h>
#include <unistd.h>

#include "backends/core/host.h"
#include "tests/unit/fs/wait/fake_waiter.h"

enum { USER = 1001, WORKERS_USER = 1024 };

/* The queue for a Wait, made if need be; with the lock taken for a moment. */
static WaitQueue *get(const Wait *wait, const StreamOps *ops, uid_t uid, bool *fresh)
{
	WaitQueue *queue;

	g_mutex_lock(&waiting_lock);
	queue = wait_queue_get(wait, ops, uid, fresh);
	g_mutex_unlock(&waiting_lock);
	return queue;
}

static Waiter *pop(WaitQueue *queue)
{
	Waiter *waiter;

	g_mutex_lock(&waiting_lock);
	waiter = wait_queue_pop(queue);
	g_mutex_unlock(&waiting_lock);
	return waiter;
}

static void test_order(void)
{
	FakeWaiter *first = fake_waiter(fake_wait(1)), *second = fake_waiter(fake_wait(1));
	WaitQueue *queue = fake_waiter_push(first);

	g_assert_true(fake_waiter_push(second) == queue);
	g_assert_cmpint(first->waiter.state, ==, WAIT_QUEUED);
	g_assert_true(pop(queue) == &first->waiter);
	g_assert_cmpint(first->waiter.state, ==, RUNNING);
	g_assert_true(pop(queue) == &second->waiter);
	g_assert_null(pop(queue));
}

static void test_put_back(void)
{
	FakeWaiter *first = fake_waiter(fake_wait(2)), *second = fake_waiter(fake_wait(2));
	WaitQueue *queue = fake_waiter_push(first);

	fake_waiter_push(second);
	g_mutex_lock(&waiting_lock);
	g_assert_true(wait_queue_pop(queue) == &first->waiter);
	wait_queue_push_again(queue, &first->waiter);
	g_assert_true(wait_queue_pop(queue) == &first->waiter);
	first->waiter.done++;
	wait_queue_push_again(queue, &first->waiter);
	g_assert_true(wait_queue_pop(queue) == &second->waiter);
	g_mutex_unlock(&waiting_lock);
}

static void test_wake_while_running(void)
{
	FakeWaiter *fake = fake_waiter(fake_wait(3));
	WaitQueue *queue = fake_waiter_push(fake);
	const Wait wait = fake_wait(3);

	g_mutex_lock(&waiting_lock);
	wait_queue_pop(queue);
	wait_queue_hold(queue);
	g_mutex_unlock(&waiting_lock);
	host_wake(wait.key);
	g_mutex_lock(&waiting_lock);
	g_assert_true(wait_queue_pop_woken() == queue);
	g_assert_null(wait_queue_pop_woken());
	wait_queue_push_again(queue, &fake->waiter);
	g_assert_true(wait_queue_pop_woken() == queue);
	g_mutex_unlock(&waiting_lock);
}

static void test_wakes(void)
{
	const unsigned before = wait_queue_wakes();
	const Wait wait = fake_wait(4);

	host_wake(wait.key);
	g_assert_cmpuint(wait_queue_wakes(), ==, before + 1);
	g_mutex_lock(&waiting_lock);
	g_assert_null(wait_queue_pop_woken());
	g_mutex_unlock(&waiting_lock);
}

static void test_freed(void)
{
	FakeWaiter *fake = fake_waiter(fake_wait(5));
	WaitQueue *queue = fake_waiter_push(fake);

	g_mutex_lock(&waiting_lock);
	wait_queue_hold(queue);
	wait_queue_remove(queue, &fake->waiter);
	g_assert_true(wait_queue_is_unused(queue) == false);
	g_mutex_unlock(&waiting_lock);
	g_assert_true(fake_queue_find(5) == queue);
	g_mutex_lock(&waiting_lock);
	wait_queue_wake(queue);
	wait_queue_release(queue);
	g_assert_null(wait_queue_pop_woken());
	g_mutex_unlock(&waiting_lock);
	g_assert_null(fake_queue_find(5));
}

static void test_watch(void)
{
	const Wait wait = fake_wait(6);
	Watch watch = {.armed = true, .link = {.data = &watch}};
	bool fresh;
	WaitQueue *queue = get(&wait, NULL, USER, &fresh);

	g_assert_false(fresh);
	g_mutex_lock(&waiting_lock);
	wait_queue_push_watch(queue, &watch);
	g_assert_true(watch.queue == queue);
	wait_queue_remove_watch(queue, &watch);
	g_mutex_unlock(&waiting_lock);
	g_assert_null(fake_queue_find(6));
}

/* The same key means different queues for different mechanisms, if a worker makes their calls. */
static void test_call(void)
{
	static const StreamOps one, another;
	const Wait wait = {.how = WAIT_CALL, .key = {7}};
	bool fresh;
	WaitQueue *queue = get(&wait, &one, 0, &fresh);

	g_assert_true(fresh);
	g_assert_true(get(&wait, &one, 0, &fresh) == queue);
	g_assert_false(fresh);
	g_assert_true(get(&wait, &another, 0, &fresh) != queue);
	g_assert_true(fresh);
}

static void test_quota(void)
{
	Wait wait = {.how = WAIT_CALL, .key = {8}};
	WaitQueue *last = NULL;
	bool fresh;

	for (int i = 0; i < WORKERS_USER; i++) {
		wait.key[1] = i;
		last = get(&wait, NULL, USER, &fresh);
		g_assert_nonnull(last);
	}
	wait.key[1] = WORKERS_USER;
	g_assert_null(get(&wait, NULL, USER, &fresh));
	g_assert_nonnull(get(&wait, NULL, USER + 1, &fresh));
	g_mutex_lock(&waiting_lock);
	wait_queue_retire(last);
	g_mutex_unlock(&waiting_lock);
	g_free(last);
	wait.key[1] = WORKERS_USER + 1;
	g_assert_nonnull(get(&wait, NULL, USER, &fresh));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	fake_waiters_start();
	g_test_add_func("/wait_queue/waiters come out in the order of their arrival", test_order);
	g_test_add_func("/wait_queue/a waiter goes back to the front, or after progress to the end", test_put_back);
	g_test_add_func("/wait_queue/a wake-up during an attempt wakes the queue again", test_wake_while_running);
	g_test_add_func("/wait_queue/a wake-up of a key without a queue is counted", test_wakes);
	g_test_add_func("/wait_queue/an unused queue is freed after its last holder", test_freed);
	g_test_add_func("/wait_queue/a queue of one watch is freed with it", test_watch);
	g_test_add_func("/wait_queue/calls of two mechanisms have two queues", test_call);
	g_test_add_func("/wait_queue/a user has a limited number of workers", test_quota);
	return g_test_run();
}
