#pragma once

#include "backends/core/backend.h"

/* The directory signal/, for backends/tree.c. */
extern const FileDesc signal_desc;
