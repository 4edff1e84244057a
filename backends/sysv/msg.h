/* sysv/msg: System V message queues. */
#pragma once

#include "backends/core/backend.h"

extern const FileDesc sysv_msg_desc;
