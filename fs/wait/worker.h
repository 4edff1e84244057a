/*
 * Threads for work that takes long or sleeps, so that the dispatcher does neither. A thread is started when none is idle;
 * a few stay for the next job.
 *
 * A job that sleeps in a system call is woken by worker_interrupt(): the call returns EINTR. A kick may come just before the
 * call, so it is repeated until the job is seen to have woken.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum { WORKERS_MAX = 8192 };

/* Makes ready for kicks; once, before any thread is started. */
void worker_start(void);

/* Runs job(data) on a thread. 0, or -EAGAIN when there are WORKERS_MAX already or no thread can be had. */
int worker_run(void (*job)(void *data), void *data);

/* The calling thread, for worker_interrupt(). */
pid_t worker_self(void);
void worker_interrupt(pid_t worker);

/* Whether the calling thread was kicked since it last forgot about it: a job of several calls is to end then. */
bool worker_was_interrupted(void);
void worker_forget_interrupts(void);
