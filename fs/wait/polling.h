/*
 * poll(2), select(2) and epoll(7) on streams.
 *
 * A poller waits in a wait queue as a request does (Watch), but is only notified (FUSE's poll notification) and then
 * asks again. If waiting would mean to carry out the operation (WAIT_CALL), nothing can wake a poller: its file is
 * looked at every few milliseconds as long as it polls. A file keeps the newest poll handle and notifies it once.
 *
 * Callers: stream.c for POLL and RELEASE; request.c after a read or write that found nothing more; thread.c looks at
 * the files that nothing wakes. All functions are called without the waiting lock.
 */
#pragma once

#include "fs/file.h"

/* Registers the operations on watches; once, before any other function. */
void polling_prepare(void);

/*
 * Arms the poll handle for these directions (a mask of 1 << Direction) of the file, in place of an earlier handle.
 * Takes ownership of it. `wakes_before` is wait_queue_wakes() before the file was found not to be ready.
 */
void polling_arm(File *file, struct fuse_pollhandle *handle, int directions, unsigned wakes_before);

/*
 * A request found nothing to do and does not wait. An edge-triggered poller was told that the file is ready, and asks
 * again only after the next notification: arms the poll handle that is there, if any.
 */
void polling_rearm(File *file, Direction direction, unsigned wakes_before);

/* Ends all polling of a file, at its release. */
void polling_disarm(File *file);

/* The watching thread: looks at the files that nothing wakes, and notifies those that are ready. Whether there are any. */
bool polling_look(void);
