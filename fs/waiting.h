/*
 * Requests that wait, and what wakes them: a descriptor, a call on a thread of its own, a signal to the caller.
 */
#pragma once

#include "fs/request.h"

/* Starts the thread that watches. Call after daemonising. */
void waiting_start(void);

/*
 * Puts the request on its side. True: it is the one under way and may run. False: another one is; then a kept request waits
 * behind it and belongs to waiting.c, while nothing has happened with one that is not kept.
 */
bool waiting_enter(Request *request);

/* Leaves the side. Returns the next request on it, which the calling thread now owns and has to run; or NULL. */
Request *waiting_leave(Request *request);

/*
 * Parks a request until what it waits for is there. True: it belongs to waiting.c. False: it still is the caller's, with
 * its result set (it was interrupted meanwhile, or there are too many).
 */
bool waiting_park(Request *request);

/* FUSE's interrupt callback for a kept request. */
void waiting_interrupt(fuse_req_t req, void *request);

/*
 * Arms the file's poll handle for these directions (a mask of 1 << Direction): it is notified once. The newest handle
 * counts. Takes ownership of it.
 */
void waiting_watch(File *file, struct fuse_pollhandle *handle, int directions);

/* Nobody polls this file any more: at its release. */
void waiting_unwatch(File *file);
