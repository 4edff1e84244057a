/*
 * Reading a System V queue without receiving: `peek`, and the directory type/. Both read the messages one position after the
 * other with MSG_COPY, while other processes may send and receive. The result contains messages that were queued at some time
 * during the read, in order.
 */
#pragma once

#include "backends/core/backend.h"

extern const TextOps sysv_msg_peek;
extern const DirOps sysv_msg_types; /* type/ */
