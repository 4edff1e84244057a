#pragma once

#include "backends/core/backend.h"

/* The directory of a conversation on the network of this object. Called by members.c. */
const FileDesc *socket_conversation_desc(const Object *object);
