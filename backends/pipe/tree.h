#pragma once

#include "backends/core/backend.h"

/* The directory pipe/, for backends/tree.c. */
extern const FileDesc pipe_desc;
