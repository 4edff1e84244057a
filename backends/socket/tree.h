/* socket/: sockets. */
#pragma once

#include "backends/core/backend.h"

extern const FileDesc socket_desc;

/* What stands below a conversation of this object's network, and what a node is: for its DirOps. */
const FileDesc *socket_conversation_desc(const Object *object);
extern const FileDesc socket_node_desc;

/* The protocols below socket/ip. */
extern const DirOps socket_protocols;
