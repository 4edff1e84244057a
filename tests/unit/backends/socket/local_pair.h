/* A Socket on a unix network and its native peer, connected. Used by file.c and socket.c. */
#pragma once

#include "backends/socket/socket.h"

/* The caller closes the peer. */
Socket *local_pair(NetworkId id, int *peer);
