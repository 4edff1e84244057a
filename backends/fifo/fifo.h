/* FIFOs. */
#pragma once

#include "backends/core/backend.h"

/* The directory. */
extern const Row fifo_row;
