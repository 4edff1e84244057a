/*
 * Wait queues: requests that wait for the same thing wait together, in order.
 *
 * A wait queue is found by its Wait (backends/core/backend.h). It has either a descriptor in the epoll set or only a
 * key that host_wake() and handoff_wake_peer() name (WAIT_FD); or a worker thread that sleeps in a system call
 * (WAIT_READY, WAIT_CALL).
 *
 * The entries are Waiters and Watches. A Waiter is the part of a request that waiting needs (request.h embeds it); a
 * Watch is an open file that is polled for one direction (polling.c). This file and its users in fs/wait reach
 * what is behind them only through WaiterOps and WatchOps.
 *
 * Ownership: a thread that uses a wait queue without the waiting lock holds it meanwhile (wait_queue_hold()). A queue
 * with a worker is freed by that worker. Any other queue is freed as soon as it is unused: it has no entry and no
 * holder.
 *
 * Callers: waiting.c and polling.c put entries in; wakeup.c and handoff.c take them out and run them; host_wake() (any
 * thread of a mechanism) only marks a queue, for the watching thread to run.
 */
#pragma once

#include <sys/types.h>

#include <glib.h>

#include "backends/core/backend.h"
#include "fs/wait/epoll_loop.h"

typedef struct WaitQueue WaitQueue;
typedef struct Waiter Waiter;
typedef struct Lane Lane;

/*
 * The operations of a request that fs/wait calls. Only the owner of a waiter calls these, without the waiting lock unless noted.
 *
 * attempt	tries the operation, without sleeping. True: it is complete; false: it still has to wait
 * call		the same on a worker (WAIT_CALL), where it may sleep; false as well when the worker was interrupted
 * wait		tells what it waits for now
 * retry	tries again, and then completes the waiter or has it wait for whatever it waits for now
 * finish	replies. The waiter is gone then
 * give_up	sets the result of a waiter that is to be finished without completing its operation: `error` is negative
 *
 * For a worker that cannot be interrupted (Wait.visits) the caller gets its reply while the worker still owns the
 * waiter:
 *
 * detach	takes the FUSE request out; called with the waiting lock held
 * reply_detached	replies EINTR to it. The waiter may be gone then
 *
 * For a direct transfer between two requests (handoff.c); a read receives, a write sends:
 *
 * remaining	the number of bytes that it has still to move
 * receive	takes `size` bytes from the memory of the writer. True: complete
 * send		copies `size` bytes into the memory of the reader. True: complete
 */
typedef struct WaiterOps {
	bool (*attempt)(Waiter *waiter);
	bool (*call)(Waiter *waiter);
	void (*wait)(const Waiter *waiter, Wait *out);
	void (*retry)(Waiter *waiter);
	void (*finish)(Waiter *waiter);
	void (*give_up)(Waiter *waiter, int error);
	void (*detach)(Waiter *waiter);
	void (*reply_detached)(Waiter *waiter);
	size_t (*remaining)(const Waiter *waiter);
	bool (*receive)(Waiter *waiter, const char *bytes, size_t size);
	bool (*send)(Waiter *waiter, char *bytes, size_t size);
} WaiterOps;

struct Waiter {
	const WaiterOps *ops;
	const Handle *handle;  /* the open file */
	Lane *lane;            /* where it takes its turn; NULL: it is independent of all others (waiting.h) */
	size_t done;           /* bytes moved so far: a waiter that makes progress yields to those behind it */
	size_t done_before;    /* of which before it was last taken out of a wait queue */
	unsigned wakes_before; /* wait_queue_wakes() before its last attempt */

	/* Protected by the waiting lock. */
	enum {
		RUNNING,     /* a thread owns it and runs it */
		LANE_QUEUED, /* behind another request of its lane */
		WAIT_QUEUED, /* in a wait queue */
		ENDING       /* interrupted where it waited: the watching thread will finish it */
	} state;
	gint64 interrupted;   /* since when, in us; 0: it is not */
	bool in_turn;         /* it is the request of its lane that is under way */
	bool detached;        /* its caller is told, or has been, while a worker is still in the call */
	WaitQueue *queue;     /* WAIT_QUEUED: the queue; RUNNING: the queue it was taken out of, if any … */
	unsigned queue_wakes; /* … and WaitQueue.wakes at that time: a later wake-up must not be lost */
	GList link;           /* in the queue, the lane, or the list of those that end */
};

/* An open file that is polled for one direction. Protected by the waiting lock. */
typedef struct Watch {
	bool armed;
	WaitQueue *queue; /* that wakes it; NULL: its file is looked at every few milliseconds */
	GList link;       /* data: the File */
} Watch;

/*
 * The operations of polling on the watches of a wait queue, which the caller holds. Called without the waiting lock.
 *
 * notify	tells everybody who polls to look again; empties `watches`
 * ready	whether the first of them would find its file ready
 */
typedef struct WatchOps {
	void (*notify)(WaitQueue *queue);
	bool (*ready)(WaitQueue *queue);
} WatchOps;

struct WaitQueue {
	Wait wait;
	const StreamOps *ops; /* WAIT_CALL: keys of different mechanisms are different; otherwise NULL */
	uid_t uid;            /* of the caller that was first, whose user is charged for the worker */

	/* Protected by the waiting lock. */
	GQueue waiters; /* Waiter.link: WAIT_QUEUED */
	GQueue watches; /* Watch.link */
	int holders;    /* threads that use it without the lock */
	unsigned wakes; /* how often it was woken by its key */
	bool woken;     /* the watching thread is to run it */

	/* WAIT_READY, WAIT_CALL */
	pid_t worker;
	bool sleeping;          /* the worker is in its system call, or about to be */
	Waiter *sleeper;        /* WAIT_CALL: the request that it is in the call for */
	bool to_be_interrupted; /* it is in wait_queue_interrupts */

	/* WAIT_FD */
	Source source;
};

/*
 * "The waiting lock" guards wait queues, lanes, watches and the states of waiters. It is held for a few instructions.
 * The only system calls made under it are epoll_ctl, dup, close and eventfd_write, which do not sleep. libfuse's lock
 * of a request is taken before it (in the interrupt callback), never after.
 */
extern GMutex waiting_lock;

/* The operations on watches; set once, before any is armed. */
extern const WatchOps *wait_queue_watch_ops;

/* Creates the tables and the epoll set, and registers host_wake(); once, before any other function. */
void wait_queue_prepare(void);

/* A number that grows with each wake-up by a key; read before an attempt, without the lock. */
unsigned wait_queue_wakes(void);

/* -- Called with the waiting lock held ------------------------------------------------------------------------------ */

/* Counts a wake-up by a key. */
void wait_queue_count_wake(void);

/*
 * Finds or makes the queue for `wait`. *fresh: it is new and needs a worker: wakeup_start_worker(). NULL, with the
 * refusal noted: the user, or the daemon, has too many.
 */
WaitQueue *wait_queue_get(const Wait *wait, const StreamOps *ops, uid_t uid, bool *fresh);

/* The queue that waits with WAIT_FD and this key, or NULL. */
WaitQueue *wait_queue_find(const int64_t key[4]);

/* Puts a waiter at the end, or a watch in. The descriptor is armed. */
void wait_queue_push(WaitQueue *queue, Waiter *waiter);
void wait_queue_push_watch(WaitQueue *queue, Watch *watch);

/* Puts a waiter back that wait_queue_pop() has taken out: at the front, or at the end if it has made progress. */
void wait_queue_push_again(WaitQueue *queue, Waiter *waiter);

/* Takes the first waiter out, which the caller owns from then on; NULL: there is none. */
Waiter *wait_queue_pop(WaitQueue *queue);

/* Takes out the waiter, or the watch, wherever it is in the queue. The queue may be gone then. */
void wait_queue_remove(WaitQueue *queue, Waiter *waiter);
void wait_queue_remove_watch(WaitQueue *queue, Watch *watch);

/* Whether it has no entry and no holder. */
bool wait_queue_is_unused(const WaitQueue *queue);

/* Keeps the queue while the caller uses it without the lock. After the release it may be gone. */
void wait_queue_hold(WaitQueue *queue);
void wait_queue_release(WaitQueue *queue);

/* Takes an unused queue with a worker, which is the caller, out of all tables. The caller frees it. */
void wait_queue_retire(WaitQueue *queue);

/* Has the watching thread run the queue; gives it one of those, held, or NULL. */
void wait_queue_wake(WaitQueue *queue);
WaitQueue *wait_queue_pop_woken(void);

/* Has the watching thread check whether the worker is to be interrupted, until that is settled; those queues. */
void wait_queue_interrupt_worker(WaitQueue *queue);
extern GQueue wait_queue_interrupts;
