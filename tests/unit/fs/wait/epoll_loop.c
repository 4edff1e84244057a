/* Unit tests of fs/wait/epoll_loop.c: sources that report once, and the interruption of the sleep. */
#include "fs/wait/epoll_loop.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { LIMIT_MS = 10000 };

static GMutex lock; /* stands for the waiting lock */
static Source *ready[SOURCES_READY_MAX];

/* One round of the loop. */
static size_t wait_for_sources(int timeout)
{
	size_t count;

	g_mutex_lock(&lock);
	count = epoll_loop_wait(timeout, &lock, ready);
	g_mutex_unlock(&lock);
	return count;
}

static void open_pipe(int fds[2])
{
	g_assert_cmpint(pipe2(fds, O_CLOEXEC | O_NONBLOCK), ==, 0);
}

static void close_pipe(const int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

static void test_once(void)
{
	Source source = {.fd = -1};
	int fds[2];

	open_pipe(fds);
	g_assert_true(epoll_loop_add(&source, &lock, fds[0], EPOLLIN));
	g_assert_cmpuint(wait_for_sources(0), ==, 0);
	g_assert_cmpint(write(fds[1], "x", 1), ==, 1);
	g_assert_cmpuint(wait_for_sources(LIMIT_MS), ==, 1);
	g_assert_true(ready[0] == &source && source.owner == &lock);
	/* It is ready still, but has reported. */
	g_assert_false(source.armed);
	g_assert_cmpuint(wait_for_sources(0), ==, 0);
	epoll_loop_arm(&source);
	g_assert_cmpuint(wait_for_sources(LIMIT_MS), ==, 1);
	epoll_loop_remove(&source);
	close_pipe(fds);
}

static void test_removed(void)
{
	Source source = {.fd = -1};
	int fds[2];

	open_pipe(fds);
	g_assert_true(epoll_loop_add(&source, NULL, fds[0], EPOLLIN));
	g_assert_cmpint(write(fds[1], "x", 1), ==, 1);
	epoll_loop_remove(&source);
	g_assert_cmpint(source.fd, ==, -1);
	g_assert_cmpuint(wait_for_sources(0), ==, 0);
	epoll_loop_remove(&source);
	epoll_loop_arm(&source);
	g_assert_cmpuint(wait_for_sources(0), ==, 0);
	close_pipe(fds);
}

/* Each source has a duplicate, so two may watch one file, and each reports. */
static void test_two_of_one_file(void)
{
	Source first = {.fd = -1}, second = {.fd = -1};
	int fds[2];

	open_pipe(fds);
	g_assert_true(epoll_loop_add(&first, NULL, fds[0], EPOLLIN));
	g_assert_true(epoll_loop_add(&second, NULL, fds[0], EPOLLIN));
	g_assert_cmpint(first.fd, !=, fds[0]);
	g_assert_cmpint(write(fds[1], "x", 1), ==, 1);
	g_assert_cmpuint(wait_for_sources(LIMIT_MS), ==, 2);
	epoll_loop_remove(&first);
	epoll_loop_remove(&second);
	close_pipe(fds);
}

static void test_no_descriptor(void)
{
	Source source = {.fd = -1};

	g_assert_false(epoll_loop_add(&source, NULL, -1, EPOLLIN));
	g_assert_cmpint(source.fd, ==, -1);
}

static void test_interrupted_before(void)
{
	const gint64 start = g_get_monotonic_time();

	epoll_loop_interrupt();
	g_assert_cmpuint(wait_for_sources(LIMIT_MS), ==, 0);
	g_assert_cmpint(g_get_monotonic_time() - start, <, LIMIT_MS * 500);
}

static void *count_sources(void *count)
{
	*(size_t *)count = wait_for_sources(LIMIT_MS);
	return NULL;
}

static void test_interrupted_while_sleeping(void)
{
	size_t count = 1;
	GThread *thread = g_thread_new(NULL, count_sources, &count);
	const gint64 start = g_get_monotonic_time();

	g_usleep(20000); /* whether it sleeps by then or not, it must return */
	g_mutex_lock(&lock);
	epoll_loop_interrupt();
	epoll_loop_interrupt();
	g_mutex_unlock(&lock);
	g_thread_join(thread);
	g_assert_cmpint(g_get_monotonic_time() - start, <, LIMIT_MS * 500);
	/* The interrupt was for one sleep only. */
	wait_for_sources(0);
	g_assert_cmpuint(wait_for_sources(1), ==, 0);
}

/* The thread has woken for the source, and waits for the lock, while the source is removed and freed. */
static void test_removed_while_waking(void)
{
	Source *source = g_new0(Source, 1);
	size_t count = 1;
	GThread *thread;
	int fds[2];

	open_pipe(fds);
	g_assert_true(epoll_loop_add(source, NULL, fds[0], EPOLLIN));
	thread = g_thread_new(NULL, count_sources, &count);
	g_usleep(20000); /* if it does not sleep yet, the test is only weaker */
	g_mutex_lock(&lock);
	g_assert_cmpint(write(fds[1], "x", 1), ==, 1);
	g_usleep(20000);
	epoll_loop_remove(source);
	g_free(source);
	epoll_loop_interrupt();
	g_mutex_unlock(&lock);
	g_thread_join(thread);
	g_assert_cmpuint(count, ==, 0);
	close_pipe(fds);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	epoll_loop_prepare();
	g_test_add_func("/epoll_loop/a ready source reports once each time it is armed", test_once);
	g_test_add_func("/epoll_loop/a removed source does not report", test_removed);
	g_test_add_func("/epoll_loop/a source removed while the thread wakes does not report",
			test_removed_while_waking);
	g_test_add_func("/epoll_loop/two sources of one file both report", test_two_of_one_file);
	g_test_add_func("/epoll_loop/a source without a descriptor is refused", test_no_descriptor);
	g_test_add_func("/epoll_loop/an interrupt before the sleep prevents it", test_interrupted_before);
	g_test_add_func("/epoll_loop/an interrupt ends the sleep", test_interrupted_while_sleeping);
	return g_test_run();
}
