/*
 * The files of a queue: data, next, drain, lines and records, for every kind of queue. A mechanism includes this header, implements
 * Queue (queue_base.h), and lists the files in its FileDesc tables.
 */
#pragma once

#include "backends/common/queue_base.h"
#include "backends/common/queue_lines.h"
#include "backends/common/queue_records.h"

/* data: a write sends a message, and a read receives one. next: one message, then end of file. drain: all queued messages as
 * lines, then end of file. */
extern const StreamOps queue_data, queue_next, queue_drain;
