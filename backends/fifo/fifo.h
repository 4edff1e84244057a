/* FIFOs. */
#pragma once

#include "backends/core/backend.h"

/* The directory. */
extern const FileDesc fifo_desc;
