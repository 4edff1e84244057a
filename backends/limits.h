/* limits/: the kernel's limits of IPC objects, one value in each file. Only root may write. */
#pragma once

#include "backends/core/backend.h"

extern const FileDesc limits_desc;
