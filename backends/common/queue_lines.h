/* lines: a message is a line. */
#pragma once

#include "backends/common/queue_base.h"

extern const StreamOps queue_lines;

/* Ends each message with a newline unless the message ends with one. */
extern const Framing queue_as_line;
