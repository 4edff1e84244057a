/*
 * Touching memory that somebody else may take away: a mapped file that another process truncates. The access then raises
 * SIGBUS, which would end the daemon.
 */
#pragma once

#include <stdbool.h>

/*
 * Runs touch(data). False: it met memory that is gone, and did not finish. It must do nothing but read and write memory: it
 * may end at any access, with whatever it held held. Calls do not nest.
 */
bool fault_try(void (*touch)(void *data), void *data);
