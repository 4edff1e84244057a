/* The stream operations of inbox/NAME/lines. */
#pragma once

#include "backends/core/backend.h"

extern const StreamOps inbox_lines;
