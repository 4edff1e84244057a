/* sysv/sem: System V semaphore sets. */
#pragma once

#include "backends/core/backend.h"

extern const FileDesc sysv_sem_desc;
