/* fifo/: FIFOs. */
#pragma once

#include "backends/core/backend.h"

/* The directory fifo/, for backends/tree.c. */
extern const FileDesc fifo_desc;
