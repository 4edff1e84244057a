/* The stream operations of the files that send signals: `send`, and one file for each signal. */
#pragma once

#include "backends/core/backend.h"

/* FileDesc.which of `send`, which takes signals by name. For other files it is the number of the signal. */
enum { SIGNAL_BY_NAME = 0 };

extern const StreamOps signal_send;
