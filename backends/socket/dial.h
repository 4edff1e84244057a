/* dial/: an open of a name connects to it. */
#pragma once

#include "backends/core/backend.h"

/* The directories `dial` of byte streams, of messages, and of unix sockets of both kinds. Used by tree.c. */
extern const FileDesc socket_dial_bytes, socket_dial_messages, socket_dial_local_bytes, socket_dial_local_messages;
