/* posix/shm: POSIX shared-memory objects. */
#pragma once

#include "backends/core/backend.h"

extern const FileDesc posix_shm_desc;
