/* The stream operations of PID/exit. */
#pragma once

#include "backends/core/backend.h"

extern const StreamOps signal_exit;
