/* Unnamed POSIX semaphores in shared memory: the directory `sem` of a shared-memory object. See posix_sem.h. */
#pragma once

#include "backends/core/backend.h"

extern const Row posix_shm_sem_row, sysv_shm_sem_row;
