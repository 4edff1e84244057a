/* The networks below socket/: the kinds of socket. Used by every file of this folder. */
#pragma once

#include <sys/socket.h>

#include "backends/core/backend.h"

/* Object.select of everything below socket/NETWORK. Object.part is the IP protocol below socket/ip/PROTOCOL. */
typedef enum NetworkId { NET_TCP = 1, NET_UDP, NET_UNIX, NET_UNIXGRAM, NET_UNIXPACKET, NET_IP, NETWORKS } NetworkId;

typedef struct Network {
	const char *name; /* as in Go */
	int type;         /* SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RAW */
	bool local;       /* AF_UNIX; otherwise AF_INET and AF_INET6 */
	bool ports;       /* an address has a port */
	bool messages;    /* one write sends one message, one read receives one */
	bool listens;     /* announce makes it listen: stream and seqpacket sockets */
} Network;

/* The network of an object below socket/. */
const Network *network_of(const Object *object);
