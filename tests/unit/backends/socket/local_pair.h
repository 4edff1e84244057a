/* A unix socket of ours and its plain peer, connected. */
#pragma once

#include "backends/socket/socket.h"

/* The peer is the caller's to close. */
Socket *local_pair(NetworkId id, int *peer);
