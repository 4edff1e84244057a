/* The watching thread: runs the wait queues that are ready, and everything else that no request should wait for. */
#pragma once

/* Prepares waiting and starts the thread; once, after daemonising and before any request. */
void watching_thread_start(void);
