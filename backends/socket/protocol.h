/* The protocols below socket/ip. */
#pragma once

#include "backends/core/backend.h"

extern const DirOps socket_protocols;
