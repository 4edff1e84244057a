#pragma once

#include "backends/socket/conversation.h"
#include "backends/socket/file.h"

/* data, next, drain, lines and records of a conversation. Used by conversation_files.c. */
extern const SocketFile socket_data;
