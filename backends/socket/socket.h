/*
 * The daemon's sockets, made and used on behalf of callers. A Socket is a descriptor with a reference count; the last
 * unref closes it.
 *
 * A socket is made, bound, connected and announced with the caller's credentials (credentials.h). The kernel's checks,
 * the owner, and what SO_PEERCRED shows at the other end are therefore those of the caller.
 */
#pragma once

#include "backends/core/backend.h"
#include "backends/socket/address.h"

typedef struct Socket {
	int fd; /* O_CLOEXEC; O_NONBLOCK except on unixgram, where only sends can block */
	const Network *network;
	int protocol; /* IP protocol of a raw socket */
	int family;
	uid_t uid;           /* the charged user */
	int64_t serial;      /* unique; never used again */
	int refs;            /* atomic */
	GMutex receive_lock; /* held while one message is received; see socket.c */
} Socket;

/*
 * Makes a socket with the thread's credentials. 0 with a reference, or a negative errno (-ENFILE: this user has too
 * many).
 */
int socket_new(const Network *network, int protocol, int family, Socket **out);

/*
 * Accepts the next waiting connection with the thread's credentials, and charges it to that user. 0; -EAGAIN; the
 * negative errno of accept(2); or -ENFILE: this user has too many, and the connection keeps waiting.
 */
int socket_accept(Socket *listening, Socket **out);

/* Charges one more descriptor of a file on a socket to a user, as the sockets are charged: 0 or -ENFILE. */
int socket_charge(uid_t uid);
void socket_discharge(uid_t uid);

Socket *socket_ref(Socket *socket);
void socket_unref(Socket *socket); /* NULL is allowed */

/*
 * Sends as many bytes as fit, or one message. `to`: NULL on a connected socket. Raises no signal. Sleeps only with
 * BLOCK on unixgram, whose descriptors are not O_NONBLOCK: nothing else shows that a receiver has room. The kernel
 * walks a path in `to` with the thread's credentials, which may take long.
 */
ssize_t socket_send(Socket *socket, const Caller *from, const Address *to, const char *bytes, size_t n,
		    BlockMode block);

/* Receives bytes of a stream; 0 at its end. Never sleeps. */
ssize_t socket_receive(Socket *socket, char *buf, size_t room);

/*
 * Receives one message and its sender (`from` may be NULL). Never sleeps. -E2BIG: the message is longer than `room`
 * and stays the next one. *end: nothing more will come, and 0 is returned; 0 without *end is an empty message.
 */
ssize_t socket_receive_message(Socket *socket, char *buf, size_t room, Address *from, bool *end);

/* The length of the longest message that can be received; no longer one can be sent. */
ssize_t socket_largest(Socket *socket);

/* The length of the longest message that can be sent to this address (NULL: to the connected one). */
ssize_t socket_largest_to(Socket *socket, const Address *to);

/* The events that poll(2) reports now, of those asked for; POLLHUP and POLLERR always. */
int socket_poll(Socket *socket, bool reads, bool writes);

/* How to wait for the socket: WAIT_FD. socket_wake() wakes the requests that wait this way. */
void socket_wait(Socket *socket, Direction direction, Wait *out);
void socket_wake(Socket *socket);

int socket_local(Socket *socket, Address *out);  /* getsockname(2): 0 or a negative errno */
int socket_remote(Socket *socket, Address *out); /* getpeername(2): 0 or a negative errno */
