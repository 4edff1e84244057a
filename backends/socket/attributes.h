/* local, remote, peer, error, queued and status of a conversation. Used by conversation_files.c. */
#pragma once

#include "backends/common/attributes.h"

extern const AttributeSet socket_attributes;
