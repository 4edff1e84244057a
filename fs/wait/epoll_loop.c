/* The epoll set of the watching thread (epoll_loop.h, with callers and locks). */
#include "fs/wait/epoll_loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backends/core/refusal.h"

static int epoll_fd = -1, event_fd = -1;

/* Protected by the waiting lock. */
static GHashTable *sources; /* Source.number -> Source */
static bool interrupted;    /* the watching thread has work that it has not seen yet */
static bool sleeping;       /* it sleeps, or is about to: only a write to the eventfd gets it out */

void epoll_loop_interrupt(void)
{
	interrupted = true;
	if (!sleeping)
		return;
	sleeping = false; /* one write is enough */
	eventfd_write(event_fd, 1);
}

bool epoll_loop_add(Source *source, void *owner, int fd, uint32_t events)
{
	static int64_t last_number;
	struct epoll_event event = {.events = events | EPOLLONESHOT, .data.u64 = (uint64_t)++last_number};
	int duplicate = dup(fd);

	if (duplicate < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, duplicate, &event)) {
		refuse(ENOMEM, "the daemon has no descriptor left to wait with: %s", g_strerror(errno));
		if (duplicate >= 0)
			close(duplicate);
		return false;
	}
	*source = (Source){.owner = owner, .fd = duplicate, .events = events, .number = last_number, .armed = true};
	g_hash_table_insert(sources, &source->number, source);
	return true;
}

void epoll_loop_remove(Source *source)
{
	if (source->fd < 0)
		return;
	g_hash_table_remove(sources, &source->number);
	/* close() alone does not end it: the mechanism's descriptor keeps the open file description alive. */
	epoll_ctl(epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	close(source->fd);
	source->fd = -1;
}

void epoll_loop_arm(Source *source)
{
	struct epoll_event event = {.events = source->events | EPOLLONESHOT, .data.u64 = (uint64_t)source->number};

	if (source->fd < 0 || source->armed)
		return;
	source->armed = true;
	epoll_ctl(epoll_fd, EPOLL_CTL_MOD, source->fd, &event);
}

size_t epoll_loop_wait(int timeout, GMutex *lock, Source *ready[SOURCES_READY_MAX])
{
	struct epoll_event events[SOURCES_READY_MAX];
	size_t count = 0;
	eventfd_t value;
	int n;

	/* With work to do, epoll_wait() only collects what is ready already. */
	if (interrupted)
		timeout = 0;
	sleeping = timeout != 0;
	g_mutex_unlock(lock);
	n = epoll_wait(epoll_fd, events, SOURCES_READY_MAX, timeout);
	g_mutex_lock(lock);
	sleeping = false;
	interrupted = false; /* the caller does all work that is there by now, before it waits again */
	for (int i = 0; i < n; i++) {
		Source *source;

		if (events[i].data.u64 == 0) {
			eventfd_read(event_fd, &value);
			continue;
		}
		/* It may have been removed between epoll_wait() and the lock. */
		source = g_hash_table_lookup(sources, &events[i].data.u64);
		if (!source)
			continue;
		source->armed = false;
		ready[count++] = source;
	}
	return count;
}

void epoll_loop_prepare(void)
{
	struct epoll_event event = {.events = EPOLLIN};

	sources = g_hash_table_new(g_int64_hash, g_int64_equal);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (epoll_fd < 0 || event_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event_fd, &event))
		g_error("cannot watch descriptors: %s", g_strerror(errno));
}
