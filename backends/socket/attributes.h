#pragma once

#include "backends/socket/conversation.h"

enum { SOCKET_LOCAL, SOCKET_REMOTE, SOCKET_PEER, SOCKET_ERROR, SOCKET_QUEUED };

/* local, remote, peer, error, queued (by FileDesc.which), and status with all there is to say. */
extern const TextOps socket_attribute, socket_status;
