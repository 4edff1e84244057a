#pragma once

#include "backends/socket/conversation.h"

/*
 * ctl of a conversation: verbs, a line each. clone and listen: opening one makes a conversation, and the descriptor is
 * its ctl; listen waits for a caller to be connected with. Their rows are as_opener.
 */
extern const StreamOps socket_ctl, socket_clone, socket_listen;
