/*
 * Waking: the waiters of a wait queue try again, on the watching thread or on the worker of their queue.
 *
 * Callers: waiting.c and polling.c start the worker of a fresh queue; handoff.c puts a waiter back; thread.c runs the
 * rest, on the watching thread. All functions are called without the waiting lock.
 */
#pragma once

#include "fs/wait/wait_queue.h"

/*
 * The fate of a waiter whose attempt has failed once more.
 *
 * REQUEUED		it is back in its queue
 * REQUEUED_ELSEWHERE	it waits for something else by now, wherever that is, or is complete
 * INTERRUPTED		it was interrupted; the caller still owns it and has to finish it
 */
typedef enum PutBack { REQUEUED, REQUEUED_ELSEWHERE, INTERRUPTED } PutBack;

/* Puts a waiter back that was taken out of `queue`, which the caller holds. */
PutBack wakeup_put_back(WaitQueue *queue, Waiter *waiter);

/* Starts the worker of a fresh queue. If there is no thread for it, all its waiters are refused. */
void wakeup_start_worker(WaitQueue *queue);

/* The watching thread: sleeps for `timeout` ms at most (-1: no limit) and runs the queues that are ready or were woken. */
void wakeup_run_queues(int timeout);

/* The watching thread: interrupts the workers that sleep for no caller. Whether that has to be repeated soon. */
bool wakeup_interrupt_workers(void);
