/* The members of a network's directory: conversations, and nodes on the unix networks. Used by tree.c. */
#pragma once

#include "backends/core/backend.h"

extern const DirOps socket_members;
