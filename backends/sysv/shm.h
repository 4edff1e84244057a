/* sysv/shm: System V shared-memory segments. */
#pragma once

#include "backends/core/backend.h"

extern const FileDesc sysv_shm_desc;
