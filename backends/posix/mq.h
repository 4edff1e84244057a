/* posix/mq: the directory of POSIX message queues. */
#pragma once

#include "backends/core/backend.h"

extern const FileDesc posix_mq_desc;
