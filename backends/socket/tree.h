/* socket/: sockets. Used by backends/tree.c. */
#pragma once

#include "backends/core/backend.h"

extern const FileDesc socket_desc;
