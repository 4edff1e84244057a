/*
 * Requests that wait, and what wakes them: a descriptor, a call on a thread of its own, a signal to the caller.
 */
#pragma once

#include "fs/wait/request.h"

/* Starts the thread that watches. Call after daemonising. */
void waiting_start(void);

/*
 * Puts the request on its side. True: it is the one under way and may run. False: another one is; then a kept request waits
 * behind it and belongs to waiting.c, while nothing has happened with one that is not kept.
 */
bool waiting_enter(Request *request);

/* Leaves the side. Returns the next request on it, which the calling thread now owns and has to run; or NULL. */
Request *waiting_leave(Request *request);

/* A kept request has ended. True: it is to be freed; false: it will be, by the thread that has its caller leave. */
bool waiting_over(Request *request);

/* A number that grows whenever host_wake() or waiting_feed() is called; read before a try. */
unsigned waiting_wakes(void);

/*
 * Parks a request that has to wait, as its last try has shown. PARK_DONE: it belongs to waiting.c. PARK_AGAIN: something woke
 * since before that, try again. PARK_REFUSED: its result is set (it was interrupted, or too many wait).
 */
typedef enum Park { PARK_DONE, PARK_AGAIN, PARK_REFUSED } Park;
Park waiting_park(Request *request);

/*
 * What those wait for who wait with WAIT_FD and this key may just have come about here: lets the first request try, on this
 * thread, and others and those who poll on the watching thread. Returns whether that request got on. In there, called again,
 * it leaves everybody to the watching thread.
 */
bool waiting_feed(const int64_t key[4]);

/* FUSE's interrupt callback for a kept request. */
void waiting_interrupt(fuse_req_t req, void *request);

/*
 * Arms the file's poll handle for these directions (a mask of 1 << Direction): it is notified once. The newest handle
 * counts. Takes ownership of it. `wakes` is waiting_wakes() of before nothing was found to be ready.
 */
void waiting_watch(File *file, struct fuse_pollhandle *handle, int directions, unsigned wakes);

/*
 * A request found nothing to do and does not wait. Whoever polls the file edge-triggered was told that it was ready, polls no
 * more until it is ready again, and is to be told of that: arms the poll handle that is there, if any.
 */
void waiting_drained(File *file, Direction direction, unsigned wakes);

/* Nobody polls this file or waits there any more: at its release. */
void waiting_unwatch(File *file);
