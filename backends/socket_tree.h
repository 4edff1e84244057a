/* socket/: sockets. */
#pragma once

#include "backends/backend.h"

extern const Row socket_row;
