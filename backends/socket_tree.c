/* socket/: what stands below each network. */
#include "backends/socket_tree.h"

#include "backends/socket_dial.h"
#include "backends/socket_network.h"

static const Row *const bytes[] = {&socket_dial_bytes, NULL};
static const Row *const messages[] = {&socket_dial_messages, NULL};
static const Row *const local_bytes[] = {&socket_dial_local_bytes, NULL};
static const Row *const local_messages[] = {&socket_dial_local_messages, NULL};

static const Row networks[] = {
	{.name = "tcp", .kind = DIRECTORY, .mode = 01777, .mechanisms = bytes, .which = NET_TCP},
	{.name = "udp", .kind = DIRECTORY, .mode = 01777, .mechanisms = messages, .which = NET_UDP},
	{.name = "unix", .kind = DIRECTORY, .mode = 01777, .mechanisms = local_bytes, .which = NET_UNIX},
	{.name = "unixgram", .kind = DIRECTORY, .mode = 01777, .mechanisms = local_messages, .which = NET_UNIXGRAM},
	{.name = "unixpacket", .kind = DIRECTORY, .mode = 01777, .mechanisms = local_messages, .which = NET_UNIXPACKET},
	{0},
};

const Row socket_row = {.name = "socket", .kind = DIRECTORY, .mode = 0755, .rows = networks};
