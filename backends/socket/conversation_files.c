/* The files in the directory of a conversation, for each network. Constant tables; no lock. */
#include "backends/socket/conversation_files.h"

#include "backends/common/queue.h"
#include "backends/socket/accept.h"
#include "backends/socket/attributes.h"
#include "backends/socket/ctl.h"
#include "backends/socket/data.h"
#include "backends/socket/network.h"
#include "backends/socket/option_files.h"

/* clang-format off */

#define CONVERSATION(options_descs) \
	{.name = "ctl", .kind = STREAM, .mode = 0666, .stream = &socket_ctl, .as_opener = true}, \
	STATUS(&socket_attributes), \
	ATTRIBUTE("local", 0444, &socket_attributes), \
	ATTRIBUTE("remote", 0444, &socket_attributes), \
	ATTRIBUTE("peer", 0444, &socket_attributes), \
	ATTRIBUTE("error", 0444, &socket_attributes), \
	ATTRIBUTE("queued", 0444, &socket_attributes), \
	{.name = "options", .kind = DIRECTORY, .files = options_descs}

#define BYTES(file) .kind = STREAM, .mode = 0666, .stream = &socket_bytes, .mechanism = &(file), .as_opener = true
#define MESSAGES(ops, bits, file) \
	.kind = STREAM, .mode = bits, .stream = &(ops), .mechanism = &(file), .as_opener = true

#define MESSAGE_FILES                                                     \
	{.name = "data", MESSAGES(queue_data, 0666, socket_data)},        \
	{.name = "next", MESSAGES(queue_next, 0444, socket_data)},        \
	{.name = "drain", MESSAGES(queue_drain, 0444, socket_data)},      \
	{.name = "lines", MESSAGES(queue_lines, 0666, socket_data)},      \
	{.name = "records", MESSAGES(queue_records, 0666, socket_data)}

#define LISTEN {.name = "listen", .kind = STREAM, .mode = 0666, .stream = &socket_listen, .as_opener = true}

#define BYTE_FILES {.name = "data", BYTES(socket_data)}, {.name = "accept", BYTES(socket_accepted)}, LISTEN

static const FileDesc tcp[] = {CONVERSATION(socket_options_tcp), BYTE_FILES, {0}};
static const FileDesc udp[] = {CONVERSATION(socket_options_udp), MESSAGE_FILES, {0}};
static const FileDesc ip[] = {CONVERSATION(socket_options_ip), MESSAGE_FILES, {0}};
static const FileDesc local[] = {CONVERSATION(socket_options_unix), BYTE_FILES, {0}};
static const FileDesc localgram[] = {CONVERSATION(socket_options_unixgram), MESSAGE_FILES, {0}};
static const FileDesc localpacket[] = {
	CONVERSATION(socket_options_unix),
	MESSAGE_FILES,
	{.name = "accept", MESSAGES(queue_data, 0666, socket_accepted)},
	LISTEN,
	{0},
};

static const FileDesc conversations[NETWORKS] = {
	[NET_TCP] = {.kind = DIRECTORY, .files = tcp},
	[NET_UDP] = {.kind = DIRECTORY, .files = udp},
	[NET_UNIX] = {.kind = DIRECTORY, .files = local},
	[NET_UNIXGRAM] = {.kind = DIRECTORY, .files = localgram},
	[NET_UNIXPACKET] = {.kind = DIRECTORY, .files = localpacket},
	[NET_IP] = {.kind = DIRECTORY, .files = ip},
};

/* clang-format on */

const FileDesc *socket_conversation_desc(const Object *object)
{
	return &conversations[object->select];
}
