/*
 * Empty messages in transit to a reader.
 *
 * A thread that waits for a message calls msgrcv with size 0: the kernel wakes it with E2BIG and leaves the message in the queue.
 * An empty message fits, however, and the kernel delivers it to the thread (ipc/msg.c, pipelined_send). Such a message is kept
 * here until the waiting reader takes it, which follows at once. If that reader has gone, the message returns to the queue, where
 * any other reader, native or in the tree, receives it.
 *
 * The functions may be called on any thread, with no lock held.
 */
#pragma once

#include "backends/core/backend.h"

/* Keeps an empty message of this type that was received from the queue. */
void sysv_msg_empty_keep(int id, long type);

/* Takes the oldest kept message that the object selects: whether there was one. */
bool sysv_msg_empty_take(const Object *object, long *type);

/* Whether a kept message exists that the object selects. */
bool sysv_msg_empty_exists(const Object *object);

/* Sends the kept messages of a queue to that queue again. A message for which the queue has no room stays here. */
void sysv_msg_empty_return(int id);
