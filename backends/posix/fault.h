/*
 * Access to memory that another process can take away by truncating the mapped file. Such an access raises SIGBUS, which would end the
 * daemon.
 */
#pragma once

#include <stdbool.h>

/*
 * Runs touch(data). False: an access met memory that is gone, and touch() did not finish. touch() can be cut off at any access, so
 * it must take no lock and allocate nothing. Calls do not nest. Called by sem_memory.c.
 */
bool fault_try(void (*touch)(void *data), void *data);
