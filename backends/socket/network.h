/* The networks below socket/: what kinds of socket there are. */
#pragma once

#include <sys/socket.h>

#include "backends/core/backend.h"

/* Object.select of everything below socket/NETWORK; Object.part is the IP protocol below socket/ip/PROTOCOL. */
typedef enum NetworkId { NET_TCP = 1, NET_UDP, NET_UNIX, NET_UNIXGRAM, NET_UNIXPACKET, NET_IP, NETWORKS } NetworkId;

typedef struct Network {
	const char *name; /* Go's */
	int type;         /* SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RAW */
	bool local;       /* AF_UNIX; else AF_INET and AF_INET6 */
	bool ports;       /* an address has a port */
	bool messages;    /* what one write sends one read receives */
	bool callers;     /* is announced to be called, and accepts: stream and packet */
} Network;

/* The network that an object below socket/ belongs to. */
const Network *network_of(const Object *object);
