/* socket/: sockets. */
#pragma once

#include "backends/core/backend.h"

extern const Row socket_row;

/* What stands below a conversation of this object's network, and what a node is: for its Members. */
const Row *socket_conversation_row(const Object *object);
extern const Row socket_node_row;

/* The protocols below socket/ip. */
extern const Members socket_protocols;
