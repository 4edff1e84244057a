/*
 * What a verb of ctl has begun and may have to wait for: to connect, to announce or to bind. A conversation has one at
 * a time.
 */
#pragma once

#include "backends/socket/conversation.h"

typedef struct SocketOp SocketOp;
typedef enum SocketOpKind { TO_CONNECT, TO_ANNOUNCE, TO_BIND } SocketOpKind;

/*
 * Begins, as the caller, whose umask that is (copied with its groups). 0: the attempt is held for who calls; or a
 * negative errno with the reason noted: the conversation is not free for that (EISCONN, EALREADY, EINVAL, EIDRM), or
 * the address is none.
 */
int socket_op_begin(Entry *entry, SocketOpKind kind, const char *address, const Caller *caller, mode_t umask,
		    SocketOp **out);

/*
 * Goes on with it, unless another thread is at it right now; never sleeps. 0, -EAGAIN, or what it has failed with;
 * -ECONNABORTED: it was ended, or hung up. Once it is over it always says the same.
 */
int socket_op_try(SocketOp *attempt);

/* How to wait for a reason to try. */
void socket_op_wait(SocketOp *attempt, Wait *out);

/*
 * Nobody waits for it any more, and it goes on by itself: -EINPROGRESS. What it fails with is told to whoever uses the
 * conversation next. Or what it has come to already.
 */
int socket_op_leave(SocketOp *attempt);

/* Ends it, so that nothing of it is left. Nothing happens if it is over. */
void socket_op_end(SocketOp *attempt);

void socket_op_unref(SocketOp *attempt); /* NULL is fine */

/* The conversation's, held; NULL: there is none. */
SocketOp *socket_op_of(const Entry *entry);

/* Goes on with the conversation's, if there is one: one that was left to itself does so whenever somebody looks. */
void socket_op_poll(const Entry *entry);
