/* The table of networks (network.h). Constant; needs no lock. */
#include "backends/socket/network.h"

static const Network networks[NETWORKS] = {
	[NET_TCP] = {.name = "tcp", .type = SOCK_STREAM, .ports = true, .listens = true},
	[NET_UDP] = {.name = "udp", .type = SOCK_DGRAM, .ports = true, .messages = true},
	[NET_UNIX] = {.name = "unix", .type = SOCK_STREAM, .local = true, .listens = true},
	[NET_UNIXGRAM] = {.name = "unixgram", .type = SOCK_DGRAM, .local = true, .messages = true},
	[NET_UNIXPACKET] =
		{.name = "unixpacket", .type = SOCK_SEQPACKET, .local = true, .messages = true, .listens = true},
	[NET_IP] = {.name = "ip", .type = SOCK_RAW, .messages = true},
};

const Network *network_of(const Object *object)
{
	g_assert(object->select > 0 && object->select < NETWORKS);
	return &networks[object->select];
}
