/*
 * Workers: threads for work that takes long or sleeps, so that dispatchers and the watching thread do neither.
 *
 * A job gets an idle thread, or else a new one; a few idle threads stay for the next jobs. worker_interrupt() makes the
 * system call of a job return EINTR. A signal that arrives just before the call is lost, so the caller repeats it until
 * the job is awake.
 *
 * Callers: wakeup.c for wait queues; directory.c, text.c, memory.c, names.c and lookup.c for slow calls of mechanisms;
 * session.c interrupts the loop.
 *
 * Locking: "the worker lock" guards the jobs and the counts. No other lock is taken under it.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum { WORKERS_MAX = 8192 };

/* Installs the signal handler; once, before any thread is started. */
void worker_start(void);

/* Runs job(data) on a thread. 0; or -EAGAIN: there are WORKERS_MAX threads, or the system has no thread left. */
int worker_run(void (*job)(void *data), void *data);

/* The id of the calling thread, for worker_interrupt(). */
pid_t worker_self(void);
void worker_interrupt(pid_t worker);

/* Whether the calling thread was interrupted since the last worker_forget_interrupts(). A job of several calls then ends. */
bool worker_was_interrupted(void);
void worker_forget_interrupts(void);
