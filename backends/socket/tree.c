/* socket/: the directory of each network, with dial, clone and its conversations. Constant tables; no lock. */
#include "backends/socket/tree.h"

#include "backends/socket/ctl.h"
#include "backends/socket/dial.h"
#include "backends/socket/members.h"
#include "backends/socket/network.h"
#include "backends/socket/protocol.h"

/* clang-format off */

static const FileDesc clone_desc = {.name = "clone", .kind = STREAM, .mode = 0666, .stream = &socket_clone, .as_opener = true};

static const FileDesc *const bytes[] = {&socket_dial_bytes, &clone_desc, NULL};
static const FileDesc *const messages[] = {&socket_dial_messages, &clone_desc, NULL};
static const FileDesc *const local_bytes[] = {&socket_dial_local_bytes, &clone_desc, NULL};
static const FileDesc *const local_messages[] = {&socket_dial_local_messages, &clone_desc, NULL};

#define NETWORK(rows_above) .kind = DIRECTORY, .mode = 01777, .mechanisms = rows_above, .members = &socket_members

static const FileDesc protocol = {NETWORK(messages)};

static const FileDesc networks[] = {
	{.name = "tcp", NETWORK(bytes), .which = NET_TCP},
	{.name = "udp", NETWORK(messages), .which = NET_UDP},
	{.name = "unix", NETWORK(local_bytes), .which = NET_UNIX},
	{.name = "unixgram", NETWORK(local_messages), .which = NET_UNIXGRAM},
	{.name = "unixpacket", NETWORK(local_messages), .which = NET_UNIXPACKET},
	{.name = "ip", .kind = DIRECTORY, .mode = 0755, .members = &socket_protocols, .member = &protocol, .which = NET_IP},
	{0},
};

/* clang-format on */

const FileDesc socket_desc = {.name = "socket", .kind = DIRECTORY, .mode = 0755, .files = networks};
