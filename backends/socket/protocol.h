/* The protocols below socket/ip. Used by tree.c. */
#pragma once

#include "backends/core/backend.h"

extern const DirOps socket_protocols;
