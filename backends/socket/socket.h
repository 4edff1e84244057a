/*
 * Sockets of the daemon, made and used on behalf of callers: a counted descriptor each, closed when the last one lets go.
 *
 * What is made, bound, connected and announced is so by the ids of who asks (identity.h), so that the verdict, the owner and what
 * SO_PEERCRED shows at the other end are the kernel's for the caller.
 */
#pragma once

#include "backends/core/backend.h"
#include "backends/socket/address.h"

typedef struct Socket {
	int fd; /* O_CLOEXEC; O_NONBLOCK but on unixgram, where nothing but sending can block */
	const Network *network;
	int protocol; /* IP protocol of a raw one */
	int family;
	uid_t uid;      /* to whom it is charged */
	int64_t serial; /* of no other one, ever */
	int refs;       /* atomic */
	GMutex taking;  /* see socket.c */
} Socket;

/* A new socket, as whom the thread plays. The caller holds it. 0, or a negative errno (-ENFILE: too many of this user's). */
int socket_new(const Network *network, int protocol, int family, Socket **out);

/* The same for a descriptor that is there already, which it takes, also on failure. */
int socket_adopt(const Network *network, int fd, uid_t uid, Socket **out);

/*
 * The next connection that waits to be accepted, as whom the thread plays, whose it is from then on. 0, -EAGAIN, or what accept(2)
 * says; -ENFILE (too many of this user's): it waits on.
 */
int socket_accept(Socket *listening, Socket **out);

/* Counts a descriptor that one of this user's files on a socket takes beside that, as the sockets are counted: 0 or -ENFILE. */
int socket_charge(uid_t uid);
void socket_discharge(uid_t uid);

Socket *socket_ref(Socket *socket);
void socket_unref(Socket *socket); /* NULL is fine */

/*
 * Sends, or as much of it as there is room for. `to`: NULL where it is connected. Raises no signal. Sleeps only where `patience`
 * says so and the network is unixgram, whose descriptors are not O_NONBLOCK: nothing else tells of room at a receiver. A path in
 * `to` is walked as whom the thread plays, and so may take long.
 */
ssize_t socket_send(Socket *socket, const Caller *from, const Address *to, const char *bytes, size_t n,
		    BlockMode block);

/* Receives bytes of a stream, or 0 at its end. Never sleeps. */
ssize_t socket_receive(Socket *socket, char *buf, size_t room);

/*
 * Receives one message, and who sent it (NULL: not asked for). Never sleeps. -E2BIG: it has more than `room` bytes, and is
 * the next one still. *end: nothing more will come (0 is returned), where a message of no bytes is a message.
 */
ssize_t socket_receive_message(Socket *socket, char *buf, size_t room, Address *from, bool *end);

/* The bytes that the longest message to be received may have; none longer can be sent. */
ssize_t socket_largest(Socket *socket);

/* The bytes that the longest message to this address (NULL: it is connected) may have. */
ssize_t socket_largest_to(Socket *socket, const Address *to);

/* What poll(2) says of it now, of these; POLLHUP and POLLERR always. */
int socket_poll(Socket *socket, bool reads, bool writes);

/* Waits for it: WAIT_FD. What waits there is woken by socket_wake(). */
void socket_wait(Socket *socket, Direction direction, Wait *out);
void socket_wake(Socket *socket);

int socket_local(Socket *socket, Address *out);  /* getsockname(2): 0 or a negative errno */
int socket_remote(Socket *socket, Address *out); /* getpeername(2) */
