/* posix/mq: the members of the directory. */
#pragma once

#include "backends/core/backend.h"

extern const DirOps posix_mq_members;
