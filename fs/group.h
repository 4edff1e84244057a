/*
 * Groups: what waits for the same thing waits together, in order. The inside of waiting.h, for waiting.c and polling.c.
 *
 * A group has a descriptor in the epoll set of the watching thread, or only a key that backend_wake() names (WAIT_FD); or a
 * worker thread that sleeps in a system call (WAIT_READY, WAIT_CALL).
 *
 * Ownership: a group ends when nobody waits in it any more, by the hand of its worker, or of the watching thread where it has
 * none. Nobody else may keep a pointer to a group in which it does not wait.
 */
#pragma once

#include "fs/waiting.h"

struct Group {
	Wait wait;
	const StreamOps *ops; /* WAIT_CALL: keys of different mechanisms are different */
	uid_t uid;            /* of whoever made it, to whom its thread is charged */

	/* Protected by the waiting lock. */
	GQueue requests;  /* Request.link: PARKED */
	GQueue watches;   /* Watch.link: File */
	int fd;           /* WAIT_FD: a duplicate of our own, so that two groups may watch one; or -1 */
	pid_t thread;     /* of the worker */
	bool sleeping;    /* the worker is in its system call, or about to be */
	Request *sleeper; /* WAIT_CALL: whom it sleeps for */
	bool kicked;      /* it is to be looked after: see group_kick() */
	bool woken;       /* backend_wake() was called for it */
	int fed;          /* threads in waiting_feed() with a request of it */
};

/*
 * "The waiting lock" guards groups, sides, watches and the states of requests. It is held for a few instructions; of system
 * calls only epoll_ctl, dup, close and eventfd_write, which do not sleep, are made under it. libfuse's lock of a request is
 * taken before it (in the interrupt callback), never after.
 */
extern GMutex waiting_lock;

/* Sets up what groups need; backend_wake() works from then on. */
void group_prepare(void);

/* -- Called with the waiting lock held ------------------------------------------------------------------------------ */

/* Finds or makes the group for `wait`; *fresh: it is new and needs group_start(). NULL, with the reason noted: refused. */
Group *group_for(const Wait *wait, const StreamOps *ops, uid_t uid, bool *fresh);

bool group_empty(const Group *group);

/* Has the watching thread look after a group that may wait for nobody any more, until that is settled. */
void group_kick(Group *group);

/* How often backend_wake() was called. */
unsigned group_wakes(void);

/* -- Called without it ---------------------------------------------------------------------------------------------- */

/* Starts what wakes a new group. Where there is no thread to be had, whoever waits in it is refused. */
void group_start(Group *group);

/* Has the watching thread look around. */
void group_wake_watcher(void);

/* The watching thread: waits `timeout` ms (-1: for ever) for descriptors and wake-ups and lets those who waited try. */
void group_watch(int timeout);

/* The watching thread: wakes the workers that sleep for nobody. Returns whether that is to be repeated soon. */
bool group_attend(void);

/* polling.c: tells whoever polls for what the group waits for; looks at polls that nothing can wake: are there any? */
void polling_notify(Group *group);
bool polling_look(void);
