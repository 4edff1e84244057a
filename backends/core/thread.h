/*
 * Starts the threads of the daemon that no thread joins. Called by both sides. No state, no lock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Calls run(data) on a new thread with a stack of `stack` bytes; 0: the default size. All signals are blocked in it from its
 * first instruction, because signals to the process are for the main thread. Returns whether the thread was started.
 */
bool thread_start(void *(*run)(void *data), void *data, size_t stack);
