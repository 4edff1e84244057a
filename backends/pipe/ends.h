/* The stream operations of `read` and `write`: the ends of a pipe. */
#pragma once

#include "backends/core/backend.h"

extern const StreamOps pipe_end;
