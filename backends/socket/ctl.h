#pragma once

#include "backends/core/backend.h"

/*
 * ctl of a conversation: one verb per line. clone and listen: an open makes a conversation and returns its ctl; listen
 * first waits for a connection. Rows with these operations have FileDesc.as_opener. Used by conversation_files.c and
 * tree.c.
 */
extern const StreamOps socket_ctl, socket_clone, socket_listen;
