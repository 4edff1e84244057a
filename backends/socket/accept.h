/* Accepting connections of an announced conversation. Called by ctl.c (the file `listen`) and attributes.c (`peer`). */
#pragma once

#include "backends/socket/conversation.h"
#include "backends/socket/file.h"

/*
 * Accepts a connection with the credentials of `caller` and charges it to that user. 0: the calling function receives a
 * reference to the socket and owns *accepted. -EAGAIN: no connection is waiting. -EINVAL, the reason noted: the
 * conversation is not announced. Otherwise the negative errno of accept(2). Never sleeps.
 */
int announced_accept(Entry *announced, const Caller *caller, Socket **socket, Accepted **accepted);

/* Whether a connection is waiting to be accepted: 0, or an error as of announced_accept(). */
int announced_pending(const Entry *announced);

/* How to wait for a connection. */
void announced_wait(const Entry *announced, Wait *out);

/*
 * The other end of a connection, as the file `peer` shows it, without a newline. The string is the calling function's.
 */
char *connection_peer(Socket *socket);

extern const SocketFile socket_accepted;
