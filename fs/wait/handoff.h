/*
 * Hand-off: streams both of whose ends are open files of this mount, such as a pipe. A request at one
 * end waits for an action at the other end. The thread of that action lets the first waiter try at once, so no
 * descriptor has to be watched.
 *
 * Callers: request.c, after each read and write of such a stream (StreamOps.other_end); the mechanism, during a read or
 * write, through host_transfer_to_reader() and host_transfer_from_writer().
 */
#pragma once

#include "fs/wait/wait_queue.h"

/* Registers the direct transfer with the mechanisms; once, before any request. */
void handoff_prepare(void);

/*
 * Something has been done that requests wait for with WAIT_FD and this key. Runs the first of them on this thread; the
 * watching thread runs those behind it, and notifies watches. Whether that request made progress. Called again from
 * there, it leaves everything to the watching thread. Called without the waiting lock.
 */
bool handoff_wake_peer(const int64_t key[4]);
