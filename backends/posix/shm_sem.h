/* Unnamed POSIX semaphores in shared memory: the directory `sem` of a shared-memory object. See posix_sem.h. */
#pragma once

#include "backends/core/backend.h"

extern const FileDesc posix_shm_sem_desc, sysv_shm_sem_desc;
