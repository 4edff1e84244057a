/*
 * What the watching thread sleeps on: the epoll set with the descriptors of groups, and an eventfd by which others call it.
 *
 * A descriptor is armed for one event at a time (EPOLLONESHOT), and only while somebody waits in its group; who waits there
 * next arms it again.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backends/core/refusal.h"
#include "fs/wait/wait_queue.h"

static int epoll = -1, calls = -1;

/* Protected by the waiting lock. */
static GHashTable *watched; /* Group.number -> Group */
static bool called;         /* it is to look around once more */
static bool sleeps;         /* it waits, so that it takes eventfd_write() to call it */

void watcher_call(void)
{
	called = true;
	if (!sleeps)
		return;
	sleeps = false;
	eventfd_write(calls, 1);
}

bool watcher_add(Group *group)
{
	static int64_t last;
	struct epoll_event event = {.events = group->wait.events | EPOLLONESHOT, .data.u64 = (uint64_t)++last};
	int fd = dup(group->wait.fd);

	if (fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) {
		refuse(ENOMEM, "the daemon has no descriptor left to wait with: %s", g_strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	group->fd = fd;
	group->number = last;
	group->armed = true;
	g_hash_table_insert(watched, &group->number, group);
	return true;
}

void watcher_drop(Group *group)
{
	g_hash_table_remove(watched, &group->number);
	/* Closing does not: the mechanism's descriptor is of the same open file. */
	epoll_ctl(epoll, EPOLL_CTL_DEL, group->fd, NULL);
	close(group->fd);
	group->fd = -1;
}

void watcher_arm(Group *group)
{
	struct epoll_event event = {.events = group->wait.events | EPOLLONESHOT, .data.u64 = (uint64_t)group->number};

	if (group->fd < 0 || group->armed)
		return;
	group->armed = true;
	epoll_ctl(epoll, EPOLL_CTL_MOD, group->fd, &event);
}

/* Called with the waiting lock held, which it lets go of while it waits. */
static int wait_for_events(struct epoll_event *events, int most, int timeout)
{
	int n;

	/* Something has come up since this thread last looked. */
	if (called)
		timeout = 0;
	sleeps = timeout != 0;
	g_mutex_unlock(&waiting_lock);
	n = epoll_wait(epoll, events, most, timeout);
	g_mutex_lock(&waiting_lock);
	sleeps = false;
	return n;
}

GPtrArray *watcher_wait(int timeout)
{
	GPtrArray *ready = g_ptr_array_new();
	struct epoll_event events[64];
	eventfd_t count;
	Group *group;
	int n;

	g_mutex_lock(&waiting_lock);
	n = wait_for_events(events, G_N_ELEMENTS(events), timeout);
	for (int i = 0; i < n; i++) {
		if (events[i].data.u64 == 0) {
			eventfd_read(calls, &count);
			continue;
		}
		group = g_hash_table_lookup(watched, &events[i].data.u64);
		if (!group)
			continue;
		group->armed = false;
		if (!group_empty(group))
			group_wake(group);
	}
	while ((group = group_pop_woken()))
		g_ptr_array_add(ready, group);
	called = false; /* whatever it was, it is done in this round */
	g_mutex_unlock(&waiting_lock);
	return ready;
}

void watcher_prepare(void)
{
	struct epoll_event event = {.events = EPOLLIN};

	watched = g_hash_table_new(g_int64_hash, g_int64_equal);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	calls = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (epoll < 0 || calls < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, calls, &event))
		g_error("cannot watch descriptors: %s", g_strerror(errno));
}
