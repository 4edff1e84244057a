/*
 * Another number of semaphores for a System V set. The kernel cannot change the number, so the set is removed and created again
 * under its key. That is allowed only while no process has used the set.
 */
#pragma once

#include "backends/sysv/ipc.h"

/* Gives the set `old` these `count` values. Runs as the caller. Returns 0 or a negative errno; on failure the set is as it was. */
int sysv_sem_resize(const Object *object, const SysvStat *old, unsigned short *values, size_t count);
