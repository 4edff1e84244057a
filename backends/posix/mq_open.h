/* posix/mq: queues that streams have open. */
#pragma once

#include "backends/posix/mq_fs.h"
#include "backends/posix/mq_table.h"

/*
 * Opens the queue for a stream, or finds it open. The caller gives it back with posix_mq_release(). 0 or a negative errno. -EAGAIN: the
 * queue is being replaced, and *inode is that of the old one: wait with its key for OPENING.
 */
int posix_mq_take(const Object *object, int access, PosixMq **out, int64_t *inode);

/* fstat(2) and the report of a queue with this inode that a stream has open. -ENOENT: no stream has. */
int posix_mq_stat_open(int64_t inode, struct stat *out, PosixMqReport *report);
