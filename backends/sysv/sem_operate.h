/*
 * semop(2): the files op, hold and undo of a semaphore set and of one semaphore (common/semaphore.h).
 *
 * The kernel's SEM_UNDO would apply to the daemon's thread that makes the call. Therefore `undo` records the adjustments in the
 * open file, and the last close applies them.
 */
#pragma once

#include "backends/common/semaphore.h"

/* FileDesc.mechanism of op of a set, of op and hold of one semaphore, and of undo. */
extern const Semaphore sysv_sem_set, sysv_sem_one, sysv_sem_undo;
