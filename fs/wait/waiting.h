/*
 * Taking turns, suspending and interrupting requests.
 *
 * Lanes. Of the requests of one direction of one open file one at a time is under way; the others queue behind it in
 * the lane of that direction, in the order of their arrival. A mechanism therefore needs no lock for the state of a
 * handle.
 *
 * Callers: request.c, which enters and leaves lanes, suspends a request whose attempt has failed, and passes on FUSE's
 * interrupts; thread.c finishes the interrupted requests. All functions are called without the waiting lock.
 */
#pragma once

#include "fs/wait/wait_queue.h"

/* Protected by the waiting lock. */
struct Lane {
	bool busy;     /* a request is under way */
	GQueue queued; /* Waiter.link: LANE_QUEUED */
};

/*
 * Puts a waiter into its lane. True: it is its turn, and it may run. False: another one is under way. Then, with
 * `may_queue`, it is queued and no longer the caller's; otherwise nothing has happened.
 */
bool waiting_enter_lane(Waiter *waiter, bool may_queue);

/* Leaves the lane. Returns the next waiter in it, which the calling thread now owns and has to run; or NULL. */
Waiter *waiting_leave_lane(Waiter *waiter);

/*
 * Suspends a waiter that has to wait, as its last attempt has shown.
 *
 * SUSPENDED		it is in a wait queue, and no longer the caller's
 * SUSPEND_RETRY	a wake-up came after that attempt: try again
 * SUSPEND_REFUSED	it was given up, since it was interrupted or too many wait: finish it
 */
typedef enum Suspend { SUSPENDED, SUSPEND_RETRY, SUSPEND_REFUSED } Suspend;
Suspend waiting_suspend(Waiter *waiter);

/* FUSE interrupts a request, in any state but after its end. libfuse's lock of the request may be held. */
void waiting_interrupt(Waiter *waiter);

/* The watching thread: finishes the waiters that were interrupted while they waited. */
void waiting_finish_interrupted(void);
