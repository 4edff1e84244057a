/* limits/: the kernel's limits on IPC objects, one value a file; root may write. */
#pragma once

#include "backends/core/backend.h"

extern const FileDesc limits_desc;
