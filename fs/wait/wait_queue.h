/*
 * Groups: what waits for the same thing waits together, in order. The inside of waiting.h, for waiting.c, polling.c,
 * feed.c, wakeup.c and watcher.c.
 *
 * A group has a descriptor in the epoll set of the watching thread, or only a key that host_wake() and waiting_feed()
 * name (WAIT_FD); or a worker thread that sleeps in a system call (WAIT_READY, WAIT_CALL).
 *
 * Ownership: a group belongs to the waiting lock. Who works on it without the lock holds it meanwhile (group_hold()). One with
 * a worker ends by that worker's hand, any other as soon as nobody waits in it or holds it (group_settle()).
 */
#pragma once

#include "fs/wait/waiting.h"

struct Group {
	Wait wait;
	const StreamOps *ops; /* WAIT_CALL: keys of different mechanisms are different */
	uid_t uid;            /* of whoever made it, to whom its thread is charged */

	/* Protected by the waiting lock. */
	GQueue requests; /* Request.link: PARKED */
	GQueue watches;  /* Watch.link: File */
	int holders;     /* threads that work on it without the lock */
	unsigned wakes;  /* how often it was to try */
	bool woken;      /* it is to be tried by the watching thread */

	/* With a worker. */
	pid_t thread;
	bool sleeping;    /* the worker is in its system call, or about to be */
	Request *sleeper; /* WAIT_CALL: whom it sleeps for */
	bool kicked;      /* it is to be looked after: see group_kick() */

	/* With a descriptor. */
	int fd; /* a duplicate of our own, so that two groups may watch one; or -1 */
	int64_t number; /* its name in the epoll set: a pointer might be to a group that has ended meanwhile */
	bool armed;     /* the epoll set will tell, once */
};

/*
 * "The waiting lock" guards groups, sides, watches and the states of requests. It is held for a few instructions; of system
 * calls only epoll_ctl, dup, close and eventfd_write, which do not sleep, are made under it. libfuse's lock of a
 * request is taken before it (in the interrupt callback), never after.
 */
extern GMutex waiting_lock;

/* Sets up what groups need; host_wake(), and host_transfer_to_reader() and host_transfer_from_writer(), work from then on. */
void group_prepare(void);
void feed_prepare(void);

/* -- Called with the waiting lock held ------------------------------------------------------------------------------ */

/* Finds or makes the group for `wait`; *fresh: it is new and needs group_start(). NULL, with the reason noted: refused. */
Group *group_for(const Wait *wait, const StreamOps *ops, uid_t uid, bool *fresh);

/* The group that waits with WAIT_FD and this key, or NULL. */
Group *group_of_key(const int64_t key[4]);

/* Puts a request at the end of the line; takes the first one out, to be run by the caller. */
void group_push(Group *group, Request *request);
Request *group_pop(Group *group);

/* Somebody waits in the group from now on: sees to it that its descriptor will tell. */
void group_arm(Group *group);

bool group_empty(const Group *group);

/* Somebody has left the group: ends it, or has its worker end it, if he was the last. It may be gone then. */
void group_settle(Group *group);

/* For who works on the group without the lock. Letting go settles it. */
void group_hold(Group *group);
void group_let_go(Group *group);

/* Ends an empty group with a worker, which is the caller. It is the caller's to free. */
void group_end(Group *group);

/* Has the watching thread let the group try; gives it one of those, held, or NULL. */
void group_wake(Group *group);
Group *group_pop_woken(void);

/* Has the watching thread look after a worker that may sleep for nobody any more, until that is settled; those. */
void group_kick(Group *group);
extern GQueue group_kicks;

/* How often host_wake() was called, or something done at one end of a stream with two. */
unsigned group_wakes(void);
void group_count_wake(void);

/* -- Called without it ---------------------------------------------------------------------------------------------- */

/* Starts the worker of a new group. Where there is no thread to be had, whoever waits in it is refused. */
void group_start(Group *group);

/*
 * What becomes of a request that still has to wait. WAITS: it is back where it was; MOVED: it waits for something else by now,
 * wherever that is, or is over; ENDS: it was interrupted, and the caller has to finish it.
 */
typedef enum Onwards { WAITS, MOVED, ENDS } Onwards;
Onwards group_put_back(Group *group, Request *request);

/* The watching thread: waits `timeout` ms (-1: for ever) and lets those try whose groups are ready or were woken. */
void group_watch(int timeout);

/* The watching thread: wakes the workers that sleep for nobody. Returns whether that is to be repeated soon. */
bool group_attend(void);

/* -- watcher.c: what the watching thread sleeps on ------------------------------------------------------------------ */

void watcher_prepare(void);

/*
 * All but watcher_wait() are called with the waiting lock held.
 *
 * watcher_add	watches a duplicate of the group's descriptor. False, with the reason noted: there is none to be had
 * watcher_drop	ends that
 * watcher_arm	has the descriptor tell once more
 * watcher_call	has the thread look around once more
 * watcher_wait	the thread: waits `timeout` ms (-1: for ever) and gives the groups that are to try, held
 */
bool watcher_add(Group *group);
void watcher_drop(Group *group);
void watcher_arm(Group *group);
void watcher_call(void);
GPtrArray *watcher_wait(int timeout);

/* -- polling.c ------------------------------------------------------------------------------------------------------ */

/* Tells whoever polls for what the group waits for; whether there is somebody who would find it ready. */
void polling_notify(Group *group);
bool polling_ready(Group *group);

/* Looks at polls that nothing can wake: are there any? */
bool polling_look(void);
