/* Connections that were accepted from an announced conversation. */
#pragma once

#include "backends/socket/conversation.h"
#include "backends/socket/file.h"

/*
 * Accepts a connection as the caller, whose it is then: 0, the socket and the call are the caller's; -EAGAIN: there is
 * none; -EINVAL, the reason noted: it is not announced; or what accept(2) says.
 */
int call_accept(Entry *announced, const Caller *caller, Socket **socket, Call **call);

/* Whether somebody is waiting to be accepted: 0 or as call_accept(). */
int call_pending(const Entry *announced);

/* Waits for one. */
void call_wait(const Entry *announced, Wait *out);

/* Who is at the other end, as `peer` says it, without a newline. */
char *call_peer(Socket *socket);

extern const SocketFile socket_accepted;
