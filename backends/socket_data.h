#pragma once

#include "backends/socket_conversation.h"

/* data, next, drain, lines and records of a conversation. */
extern const SocketFile socket_data;
