/* records: a message is "MARK LENGTH\n", LENGTH bytes and "\n". */
#pragma once

#include "backends/common/queue_base.h"

extern const StreamOps queue_records;

/* Appends one message as a record, with a number as its mark. */
void queue_print_record(GString *out, int64_t mark, const char *bytes, size_t length);
