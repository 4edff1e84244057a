/*
 * The epoll set that the watching thread sleeps on, and an eventfd by which other threads interrupt that sleep.
 *
 * A Source is one watched descriptor. The wait queue that it belongs to embeds it (wait_queue.h); the loop knows
 * nothing of wait queues and only reports which sources are ready. A source reports one event each time it is armed
 * (EPOLLONESHOT). Its owner arms it again when another request comes to wait, so a ready descriptor without a waiting
 * request wakes no thread.
 *
 * Callers: wait_queue.c adds, arms and removes sources; wakeup.c runs epoll_loop_wait() on the watching thread; every
 * part of fs/wait that leaves work to the watching thread calls epoll_loop_interrupt().
 *
 * Locking: the loop has no lock of its own. All functions but epoll_loop_prepare() are called with the waiting lock
 * held.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

enum { SOURCES_READY_MAX = 64 };

typedef struct Source {
	void *owner;
	int fd;          /* a duplicate of the descriptor, so that two sources can watch one file; -1: none */
	uint32_t events; /* EPOLLIN, EPOLLOUT */
	int64_t number;  /* its name in the epoll set; never used again, whereas a pointer could name a later source */
	bool armed;      /* the next event will be reported */
} Source;

/* Creates the epoll set; once, before any other function. */
void epoll_loop_prepare(void);

/* Watches a duplicate of `fd`, armed. False, with the refusal noted: the daemon has no descriptor left. */
bool epoll_loop_add(Source *source, void *owner, int fd, uint32_t events);

/* Ends that, and closes the duplicate. Does nothing for a source without a descriptor. */
void epoll_loop_remove(Source *source);

/* Has the next event reported. Does nothing for a source that is armed, or has no descriptor. */
void epoll_loop_arm(Source *source);

/* Makes the epoll_loop_wait() under way return, or else the next one. */
void epoll_loop_interrupt(void);

/*
 * The watching thread: sleeps until a source is ready, epoll_loop_interrupt() is called, or `timeout` ms have passed
 * (-1: no limit). `lock` is the waiting lock, which is released during the sleep, as by g_cond_wait(). Returns the
 * number of sources put into `ready`. Each of them is disarmed.
 */
size_t epoll_loop_wait(int timeout, GMutex *lock, Source *ready[SOURCES_READY_MAX]);
