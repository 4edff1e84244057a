#pragma once

#include "backends/socket/conversation.h"
#include "backends/socket/file.h"

/* data, next, drain, lines and records of a conversation. */
extern const SocketFile socket_data;
