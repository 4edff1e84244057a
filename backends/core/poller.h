/*
 * The poller: a thread that retries operations in the background while no request waits for them, such as the connection that
 * an open with O_NONBLOCK has begun. fs/ itself retries an operation that a request waits for, and does so at once.
 *
 * socket/ calls poller_add().
 */
#pragma once

#include <stdbool.h>

/*
 * Calls step(data) every few milliseconds on the poller's thread, until step() returns true. step() must not block. The caller
 * of poller_add() limits how many entries a user can add.
 */
void poller_add(bool (*step)(void *data), void *data);
