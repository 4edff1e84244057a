/* FIFOs. */
#pragma once

#include "backends/backend.h"

/* The directory. */
extern const Row fifo_row;
