/* Unit tests of fs/wait/wakeup.c: running the waiters of a queue, on this thread as the watching thread, and on workers. */
#include "fs/wait/wakeup.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backends/core/host.h"
#include "fs/wait/worker.h"
#include "tests/unit/fs/wait/fake_waiter.h"

enum { LIMIT_MS = 10000 };

static void wake(int64_t number)
{
	const Wait wait = fake_wait(number);

	host_wake(wait.key);
}

static void interrupt_waiter(FakeWaiter *fake)
{
	g_mutex_lock(&waiting_lock);
	fake->waiter.interrupted = g_get_monotonic_time();
	g_mutex_unlock(&waiting_lock);
}

/* Has the worker of the waiter's queue checked, as waiting_interrupt() does for a running request. */
static void interrupt_call(FakeWaiter *fake)
{
	g_mutex_lock(&waiting_lock);
	fake->waiter.interrupted = g_get_monotonic_time();
	wait_queue_interrupt_worker(fake->waiter.queue);
	g_mutex_unlock(&waiting_lock);
}

/* -- The watching thread -------------------------------------------------------------------------------------------- */

static void test_in_order(void)
{
	FakeWaiter *fakes[3];

	for (int i = 0; i < 3; i++) {
		fakes[i] = fake_waiter(fake_wait(1));
		fakes[i]->succeeds = i < 2 ? 0 : -1;
		fake_waiter_push(fakes[i]);
	}
	wakeup_run_queues(0);
	g_assert_cmpint(fakes[0]->attempts, ==, 0);
	wake(1);
	wakeup_run_queues(0);
	g_assert_cmpint(fakes[0]->finished, >, 0);
	g_assert_cmpint(fakes[1]->finished, ==, fakes[0]->finished + 1);
	g_assert_cmpint(fakes[2]->finished, ==, 0);
	g_assert_cmpint(fakes[2]->attempts, ==, 1);
	g_assert_cmpint(fakes[2]->waiter.state, ==, WAIT_QUEUED);
	/* It is at the front still, and nothing wakes it again. */
	wakeup_run_queues(0);
	g_assert_cmpint(fakes[2]->attempts, ==, 1);
}

static void test_descriptor(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	FakeWaiter *fake = fake_waiter((Wait){.how = WAIT_FD, .fd = fd, .events = EPOLLIN, .key = {2}});

	fake->succeeds = 1;
	fake_waiter_push(fake);
	wakeup_run_queues(0);
	g_assert_cmpint(fake->attempts, ==, 0);
	eventfd_write(fd, 1);
	wakeup_run_queues(LIMIT_MS);
	g_assert_cmpint(fake->attempts, ==, 1);
	/* It was put back, and so the descriptor is armed again. */
	wakeup_run_queues(LIMIT_MS);
	g_assert_cmpint(fake->finished, >, 0);
	close(fd);
}

static void test_moves(void)
{
	FakeWaiter *fake = fake_waiter(fake_wait(3));

	fake_waiter_push(fake);
	fake->wait = fake_wait(33);
	wake(3);
	wakeup_run_queues(0);
	g_assert_cmpint(fake->attempts, ==, 1);
	g_assert_cmpint(fake->retries, ==, 1);
	g_assert_null(fake->waiter.queue);
	g_assert_null(fake_queue_find(3));
}

static void test_interrupted_while_running(void)
{
	FakeWaiter *fake = fake_waiter(fake_wait(4));
	WaitQueue *queue = fake_waiter_push(fake);

	g_mutex_lock(&waiting_lock);
	wait_queue_pop(queue);
	wait_queue_hold(queue);
	g_mutex_unlock(&waiting_lock);
	interrupt_waiter(fake);
	g_assert_cmpint(wakeup_put_back(queue, &fake->waiter), ==, INTERRUPTED);
	g_assert_cmpint(fake->error, ==, -EINTR);
	g_assert_cmpint(fake->waiter.state, ==, RUNNING);
	g_mutex_lock(&waiting_lock);
	wait_queue_release(queue);
	g_mutex_unlock(&waiting_lock);
	g_assert_null(fake_queue_find(4));
}

static void test_watches(void)
{
	const Wait wait = fake_wait(5);
	Watch watch = {.armed = true, .link = {.data = &watch}};
	int before = fake_watches.notified;
	bool fresh;

	g_mutex_lock(&waiting_lock);
	wait_queue_push_watch(wait_queue_get(&wait, NULL, 0, &fresh), &watch);
	g_mutex_unlock(&waiting_lock);
	wake(5);
	wakeup_run_queues(0);
	g_assert_cmpint(fake_watches.notified, ==, before + 1);
	g_assert_null(fake_queue_find(5));
}

/* -- Workers -------------------------------------------------------------------------------------------------------- */

static int ready_fd = -1; /* ready() sleeps until it can be read */
static int readies, overs;

static int sleep_until_ready(const Wait *wait)
{
	struct pollfd poll_fd = {.fd = ready_fd, .events = POLLIN};

	(void)wait;
	g_atomic_int_inc(&readies);
	return poll(&poll_fd, 1, LIMIT_MS) < 0 ? -EINTR : 0;
}

static void count_over(const Wait *wait)
{
	(void)wait;
	g_atomic_int_inc(&overs);
}

/* Puts it into the queue for its wait, and starts the worker if the queue is fresh. */
static void push_to_worker(FakeWaiter *fake)
{
	WaitQueue *queue;
	bool fresh;

	g_mutex_lock(&waiting_lock);
	queue = wait_queue_get(&fake->wait, NULL, 0, &fresh);
	wait_queue_push(queue, &fake->waiter);
	g_mutex_unlock(&waiting_lock);
	if (fresh)
		wakeup_start_worker(queue);
}

/* As the watching thread: interrupts workers until *counter is `value`. */
static void interrupt_until(const int *counter, int value)
{
	const gint64 limit = g_get_monotonic_time() + LIMIT_MS * 1000;

	while (g_atomic_int_get(counter) != value && g_get_monotonic_time() < limit) {
		wakeup_interrupt_workers();
		g_usleep(500);
	}
	g_assert_cmpint(g_atomic_int_get(counter), ==, value);
	g_assert_false(wakeup_interrupt_workers());
}

static Wait ready_wait(int64_t number)
{
	return (Wait){.how = WAIT_READY, .ready = sleep_until_ready, .over = count_over, .key = {number}};
}

static void test_ready(void)
{
	FakeWaiter *fake = fake_waiter(ready_wait(6));

	overs = readies = 0;
	ready_fd = eventfd(0, EFD_CLOEXEC);
	fake->succeeds = 0;
	push_to_worker(fake);
	fake_expect(&readies, 1);
	g_assert_cmpint(g_atomic_int_get(&fake->attempts), ==, 0);
	eventfd_write(ready_fd, 1);
	fake_expect(&overs, 1);
	g_assert_cmpint(fake->finished, >, 0);
	close(ready_fd);
}

/* The worker sleeps for a request that has been taken out: the watching thread interrupts it, and it ends. */
static void test_ready_abandoned(void)
{
	FakeWaiter *fake = fake_waiter(ready_wait(7));

	overs = readies = 0;
	ready_fd = eventfd(0, EFD_CLOEXEC);
	push_to_worker(fake);
	fake_expect(&readies, 1);
	g_assert_false(wakeup_interrupt_workers());
	g_mutex_lock(&waiting_lock);
	wait_queue_remove(fake->waiter.queue, &fake->waiter);
	g_mutex_unlock(&waiting_lock);
	interrupt_until(&overs, 1);
	g_assert_cmpint(g_atomic_int_get(&fake->attempts), ==, 0);
	close(ready_fd);
}

static void test_call(void)
{
	FakeWaiter *first = fake_waiter((Wait){.how = WAIT_CALL, .key = {8}, .over = count_over});
	FakeWaiter *second = fake_waiter(first->wait);

	overs = 0;
	second->succeeds = 0;
	push_to_worker(first);
	fake_expect(&first->calls, 1);
	push_to_worker(second);
	g_assert_cmpint(g_atomic_int_get(&second->calls), ==, 0);
	g_atomic_int_set(&first->succeeds, 0);
	fake_expect(&overs, 1);
	g_assert_cmpint(second->calls, ==, 1);
	g_assert_cmpint(first->finished, >, 0);
	g_assert_cmpint(second->finished, >, first->finished);
}

static void test_call_interrupted(void)
{
	FakeWaiter *fake = fake_waiter((Wait){.how = WAIT_CALL, .key = {9}, .over = count_over});

	overs = 0;
	push_to_worker(fake);
	fake_expect(&fake->calls, 1);
	interrupt_call(fake);
	interrupt_until(&overs, 1);
	g_assert_cmpint(fake->error, ==, -EINTR);
	g_assert_cmpint(fake->finished, >, 0);
	g_assert_cmpint(fake->detached, ==, 0);
}

/* No signal ends the call: the caller is told after a while, and the request ends when the call returns. */
static void test_call_stuck(void)
{
	FakeWaiter *fake = fake_waiter((Wait){.how = WAIT_CALL, .visits = true, .key = {10}, .over = count_over});
	const gint64 start = g_get_monotonic_time();

	overs = 0;
	push_to_worker(fake);
	fake_expect(&fake->calls, 1);
	interrupt_call(fake);
	interrupt_until(&fake->replied, 1);
	g_assert_cmpint(g_get_monotonic_time() - start, >=, 500 * 1000);
	g_assert_cmpint(fake->detached, ==, 1);
	g_assert_cmpint(fake->finished, ==, 0);
	g_atomic_int_set(&fake->succeeds, 0);
	fake_expect(&overs, 1);
	g_assert_cmpint(fake->finished, >, 0);
	g_assert_cmpint(fake->replied, ==, 1);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	worker_start();
	fake_waiters_start();
	g_test_add_func("/wakeup/a wake-up runs waiters in order until one has to wait", test_in_order);
	g_test_add_func("/wakeup/a ready descriptor runs its queue, and is armed again", test_descriptor);
	g_test_add_func("/wakeup/a waiter that waits for something else by now tries again", test_moves);
	g_test_add_func("/wakeup/a waiter interrupted during its attempt is not put back",
			test_interrupted_while_running);
	g_test_add_func("/wakeup/a wake-up notifies watches", test_watches);
	g_test_add_func("/wakeup/a worker that becomes ready runs its queue", test_ready);
	g_test_add_func("/wakeup/a worker that sleeps for no request is interrupted", test_ready_abandoned);
	g_test_add_func("/wakeup/a worker makes the calls of two waiters in order", test_call);
	g_test_add_func("/wakeup/an interrupt ends the call of a worker", test_call_interrupted);
	g_test_add_func("/wakeup/a stuck call detaches its caller", test_call_stuck);
	return g_test_run();
}
