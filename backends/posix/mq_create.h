/* posix/mq: creating a queue for the caller, also in place of another one. */
#pragma once

#include <mqueue.h>
#include <sys/types.h>

#include "backends/core/backend.h"

/* Creates the queue for the caller. 0 or a negative errno, the reason noted. Takes long. */
int posix_mq_create(const char *name, mode_t mode, Object *out);

/* A queue that takes the place of another one. */
typedef struct PosixMqReplacement {
	const char *name;
	mode_t mode;
	const struct mq_attr *attr;
	int old; /* a descriptor of the queue that has the name now, open for reading and writing */
	const struct mq_attr *old_attr; /* what that queue was created with */
} PosixMqReplacement;

/*
 * Removes the old queue, if it is empty and no other process has it open, and creates the new one for the caller. 0, and *inode is
 * that of the new queue; or a negative errno, the reason noted. -EAGAIN: the old queue is in use, and remains. Takes long.
 *
 * A process can open the old queue just before its removal. The new queue then has the attributes of the old one, so that every
 * message fits that still arrives in the old queue.
 */
int posix_mq_replace(const PosixMqReplacement *replacement, int64_t *inode);
