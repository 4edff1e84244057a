/*
 * The attributes of a conversation: local, remote, peer, error and queued, a file each, and `status` with all of them.
 *
 * attributes.c in common/ calls snapshot_load() and the print functions when a file is opened, on any thread; none of
 * them sleeps. snapshot_load() first lets an unattended verb make progress (socket_op_poll), so that the files tell the
 * state of this moment.
 *
 * Locking: snapshot_load() takes the conversation lock for the fields that it protects. The socket is used through a
 * reference, without a lock.
 */
#include "backends/socket/attributes.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#include "backends/core/text.h"
#include "backends/socket/accept.h"
#include "backends/socket/operation.h"

typedef struct Snapshot {
	Entry *entry;   /* a reference to the conversation */
	Socket *socket; /* a reference; NULL: none */
	Stage stage;
	bool in_progress; /* a verb */
	int error;        /* positive; 0: none */
	int64_t accepted; /* connections so far */
	ObjectStat stat;
} Snapshot;

static int snapshot_load(const Object *object, void *out)
{
	Entry *entry = conversation_get(object);
	Snapshot *snapshot = out;
	Conversation *conversation;
	SocketOp *operation;

	if (!entry)
		return -ENOENT;
	conversation = entry->data;
	socket_op_poll(entry);
	operation = socket_op_of(entry);
	snapshot->entry = entry;
	snapshot->in_progress = operation != NULL;
	socket_op_unref(operation);
	snapshot->socket = conversation_socket(entry, &snapshot->stage);
	registry_stat(conversation->registry, object, &snapshot->stat);
	g_mutex_lock(&conversation_lock);
	snapshot->error = conversation->error;
	snapshot->accepted = conversation->accepted_count;
	g_mutex_unlock(&conversation_lock);
	return 0;
}

static void snapshot_unload(void *out)
{
	Snapshot *snapshot = out;

	socket_unref(snapshot->socket);
	conversation_unref(snapshot->entry);
}

static Conversation *conversation_in(const Snapshot *snapshot)
{
	return conversation_of(snapshot->entry);
}

static const Network *network_in(const Snapshot *snapshot)
{
	return conversation_in(snapshot)->network;
}

/* -- Values of every state ----------------------------------------------------------------------------------------- */

static void print_name(const void *value, GString *out)
{
	const Snapshot *snapshot = value;
	char name[NAME_MAX + 1];

	entry_name(snapshot->entry, name);
	g_string_append_printf(out, "%s\n", name);
}

static void print_network(const void *value, GString *out)
{
	g_string_append_printf(out, "%s\n", network_in(value)->name);
}

static void print_protocol(const void *value, GString *out)
{
	if (network_in(value)->type == SOCK_RAW)
		text_number(out, conversation_in(value)->protocol);
}

static void print_error(const void *value, GString *out)
{
	const int error = *(const int *)value;

	if (error)
		g_string_append_printf(out, "%s %s\n", strerrorname_np(error), g_strerror(error));
	else
		g_string_append(out, "none\n");
}

static void print_queued(const void *value, GString *out)
{
	const Snapshot *snapshot = value;

	text_number(out, conversation_queued(snapshot->entry));
}

static const char *state_of(const Snapshot *snapshot)
{
	const Socket *socket = snapshot->socket;
	struct pollfd fd = {.fd = socket ? socket->fd : -1};

	if (snapshot->in_progress)
		return "Connecting";
	switch (snapshot->stage) {
	case STAGE_BOUND:
		return "Bound";
	case STAGE_ANNOUNCED:
		return "Announced";
	case STAGE_CONNECTED:
		/* Both directions are closed. */
		if (socket->network->listens && poll(&fd, 1, 0) == 1 && (fd.revents & POLLHUP))
			return "Closed";
		return "Connected";
	default:
		return "Idle";
	}
}

static void print_state(const void *value, GString *out)
{
	g_string_append_printf(out, "%s\n", state_of(value));
}

/* -- Addresses ----------------------------------------------------------------------------------------------------- */

/* An empty line if there is no address. */
static void print_address(const Snapshot *snapshot, int (*get)(Socket *socket, Address *out), GString *out)
{
	char text[ADDRESS_TEXT_MAX + 1] = "";
	Address address;

	if (snapshot->socket && get(snapshot->socket, &address) == 0)
		address_print(network_in(snapshot), &address, text);
	g_string_append_printf(out, "%s\n", text);
}

static void print_local(const void *value, GString *out)
{
	print_address(value, socket_local, out);
}

static void print_remote(const void *value, GString *out)
{
	print_address(value, socket_remote, out);
}

/* The line in status. */
static void print_connected_peer(const void *value, GString *out)
{
	const Snapshot *snapshot = value;
	g_autofree char *peer = snapshot->stage == STAGE_CONNECTED ? connection_peer(snapshot->socket) : NULL;

	if (peer)
		g_string_append_printf(out, "%s\n", peer);
}

/*
 * The file. The other end of a connection; for an announced conversation, one line for each accepted connection that is
 * still open; otherwise an empty line.
 */
static void print_peers(const void *value, GString *out)
{
	const Snapshot *snapshot = value;

	if (snapshot->stage == STAGE_CONNECTED) {
		print_connected_peer(value, out);
		return;
	}
	if (snapshot->stage != STAGE_ANNOUNCED) {
		g_string_append(out, "\n");
		return;
	}
	g_mutex_lock(&conversation_lock);
	for (const GList *link = conversation_in(snapshot)->accepted.head; link; link = link->next)
		g_string_append_printf(out, "%s\n", ((const Accepted *)link->data)->peer);
	g_mutex_unlock(&conversation_lock);
}

/* -- Values of a socket -------------------------------------------------------------------------------------------- */

static bool tcp_info(Socket *socket, struct tcp_info *out)
{
	socklen_t size = sizeof *out;

	return socket && socket->network->type == SOCK_STREAM && !socket->network->local &&
	       getsockopt(socket->fd, IPPROTO_TCP, TCP_INFO, out, &size) == 0;
}

static const char *tcp_state(int state)
{
	static const char *const names[] = {
		[TCP_ESTABLISHED] = "ESTABLISHED",
		[TCP_SYN_SENT] = "SYN_SENT",
		[TCP_SYN_RECV] = "SYN_RECV",
		[TCP_FIN_WAIT1] = "FIN_WAIT1",
		[TCP_FIN_WAIT2] = "FIN_WAIT2",
		[TCP_TIME_WAIT] = "TIME_WAIT",
		[TCP_CLOSE] = "CLOSE",
		[TCP_CLOSE_WAIT] = "CLOSE_WAIT",
		[TCP_LAST_ACK] = "LAST_ACK",
		[TCP_LISTEN] = "LISTEN",
		[TCP_CLOSING] = "CLOSING",
	};

	return state > 0 && (size_t)state < G_N_ELEMENTS(names) && names[state] ? names[state] : "?";
}

static void print_tcp_state(const void *value, GString *out)
{
	const Snapshot *snapshot = value;
	struct tcp_info tcp;

	if (tcp_info(snapshot->socket, &tcp))
		g_string_append_printf(out, "%s\n", tcp_state(tcp.tcpi_state));
}

static bool is_listening(const Snapshot *snapshot)
{
	return snapshot->stage == STAGE_ANNOUNCED && network_in(snapshot)->listens;
}

/* The bytes that can be read. For a listening TCP socket, the connections that wait to be accepted, as in ss(8). */
static void print_receive_queue(const void *value, GString *out)
{
	const Snapshot *snapshot = value;
	struct tcp_info tcp;
	int bytes;

	if (is_listening(snapshot) && tcp_info(snapshot->socket, &tcp))
		text_number(out, tcp.tcpi_unacked);
	if (snapshot->socket && !is_listening(snapshot) && ioctl(snapshot->socket->fd, SIOCINQ, &bytes) == 0)
		text_number(out, bytes);
}

static void print_send_queue(const void *value, GString *out)
{
	const Snapshot *snapshot = value;
	int bytes;

	if (snapshot->socket && !is_listening(snapshot) && ioctl(snapshot->socket->fd, SIOCOUTQ, &bytes) == 0)
		text_number(out, bytes);
}

static void print_backlog(const void *value, GString *out)
{
	if (network_in(value)->listens)
		text_number(out, options_backlog(&conversation_in(value)->options));
}

static void print_accepted(const void *value, GString *out)
{
	const Snapshot *snapshot = value;

	if (network_in(snapshot)->listens)
		text_number(out, snapshot->accepted);
}

static const Attribute attributes[] = {
	{"name", NULL, print_name},
	{"network", NULL, print_network},
	{"protocol", NULL, print_protocol},
	{"state", NULL, print_state},
	{"tcp_state", NULL, print_tcp_state},
	{"local", NULL, print_local},
	{"remote", NULL, print_remote},
	{"peer", NULL, print_peers, .file_only = true},
	{"peer", NULL, print_connected_peer},
	{"error", NULL, print_error, offsetof(Snapshot, error)},
	{"queued", "bytes", print_queued, .file_only = true},
	{"recvq", "bytes or connections", print_receive_queue},
	{"sendq", "bytes", print_send_queue},
	{"backlog", "connections", print_backlog},
	{"accepted", "connections", print_accepted},
	{"uid", NULL, attribute_print_id, offsetof(Snapshot, stat.uid)},
	{"gid", NULL, attribute_print_id, offsetof(Snapshot, stat.gid)},
	{"mode", NULL, attribute_print_mode, offsetof(Snapshot, stat.mode)},
	{0},
};

const AttributeSet socket_attributes = {
	.attributes = attributes,
	.size = sizeof(Snapshot),
	.load = snapshot_load,
	.unload = snapshot_unload,
};
