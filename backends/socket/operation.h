/*
 * Socket operations: what a verb of ctl has begun and may have to wait for. A conversation has one at a time. Called
 * by ctl.c; accept.c, data.c and attributes.c use socket_op_of() and socket_op_poll().
 */
#pragma once

#include "backends/socket/conversation.h"

typedef struct SocketOp SocketOp;
typedef enum SocketOpKind { TO_CONNECT, TO_ANNOUNCE, TO_BIND } SocketOpKind;

/*
 * Begins, with the credentials of `caller`, which are copied with its groups, and the caller's umask. 0: the calling
 * function receives a reference to the operation. Otherwise a negative errno with the reason noted: the state of the
 * conversation does not allow it (EISCONN, EALREADY, EINVAL, EIDRM), or the address is not valid.
 */
int socket_op_begin(Entry *entry, SocketOpKind kind, const char *address, const Caller *caller, mode_t umask,
		    SocketOp **out);

/*
 * Continues, unless another thread does so at this moment. Never sleeps. 0; -EAGAIN; -ECONNABORTED: it was cancelled,
 * or the conversation was hung up; or another negative errno. After its end it always returns the same.
 */
int socket_op_try(SocketOp *operation);

/* How to wait for a reason to try again. */
void socket_op_wait(SocketOp *operation, Wait *out);

/*
 * No request waits for it any more; the poller continues it. -EINPROGRESS, or its result if it is over. The next use
 * of the conversation reports its error.
 */
int socket_op_detach(SocketOp *operation);

/* Cancels it; nothing of it is left. No effect if it is over. */
void socket_op_cancel(SocketOp *operation);

void socket_op_unref(SocketOp *operation); /* NULL is allowed */

/* The conversation's operation, with a reference; NULL: there is none. */
SocketOp *socket_op_of(const Entry *entry);

/* Continues the conversation's operation, if there is one. Each use of the conversation's files does so. */
void socket_op_poll(const Entry *entry);
