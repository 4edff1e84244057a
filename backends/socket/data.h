#pragma once

#include "backends/socket/conversation.h"

/* data, next, drain, lines and records of a conversation. */
extern const SocketFile socket_data;
