/* socket/: sockets. */
#pragma once

#include "backends/core/backend.h"

extern const FileDesc socket_desc;
