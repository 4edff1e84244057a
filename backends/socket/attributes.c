#include "backends/socket/attributes.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#include "backends/socket/accept.h"
#include "backends/socket/operation.h"
#include "backends/core/text.h"

/* Nothing but a newline where there is none. */
static void print_address(const Network *network, Socket *socket, int (*get)(Socket *socket, Address *out),
			  GString *out)
{
	char text[ADDRESS_TEXT_MAX + 1] = "";
	Address address;

	if (socket && get(socket, &address) == 0)
		address_print(network, &address, text);
	g_string_append_printf(out, "%s\n", text);
}

/*
 * Of a connection, who is at its other end; of what is announced, a line for each connection accepted there that is
 * still open.
 */
static void print_peer(const Conversation *conversation, Socket *socket, Stage stage, GString *out)
{
	g_autofree char *peer = stage == STAGE_CONNECTED ? call_peer(socket) : NULL;

	if (stage != STAGE_ANNOUNCED) {
		g_string_append_printf(out, "%s\n", peer ? peer : "");
		return;
	}
	g_mutex_lock(&conversation_lock);
	for (const GList *link = conversation->calls.head; link; link = link->next)
		g_string_append_printf(out, "%s\n", ((const Call *)link->data)->peer);
	g_mutex_unlock(&conversation_lock);
}

static void print_error(const Conversation *conversation, GString *out)
{
	int error;

	g_mutex_lock(&conversation_lock);
	error = conversation->error;
	g_mutex_unlock(&conversation_lock);
	if (error)
		g_string_append_printf(out, "%s %s\n", strerrorname_np(error), g_strerror(error));
	else
		g_string_append(out, "none\n");
}

/* -- status --------------------------------------------------------------------------------------------------------- */

static const char *state_of(Socket *socket, Stage stage, bool connecting)
{
	struct pollfd fd = {.fd = socket ? socket->fd : -1};

	if (connecting)
		return "Connecting";
	switch (stage) {
	case STAGE_BOUND:
		return "Bound";
	case STAGE_ANNOUNCED:
		return "Announced";
	case STAGE_CONNECTED:
		/* Nothing more comes, and nothing more goes. */
		if (socket->network->callers && poll(&fd, 1, 0) == 1 && (fd.revents & POLLHUP))
			return "Closed";
		return "Connected";
	default:
		return "Idle";
	}
}

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

/* What is queued, in bytes; of a socket that is called at, in connections, as ss(8) says it. */
static void print_queues(Socket *socket, Stage stage, GString *out)
{
	struct tcp_info tcp;
	int bytes;

	if (stage == STAGE_ANNOUNCED && socket->network->callers) {
		if (tcp_info(socket, &tcp))
			g_string_append_printf(out, "Recvq:\t%u\n", tcp.tcpi_unacked);
		return;
	}
	if (ioctl(socket->fd, SIOCINQ, &bytes) == 0)
		g_string_append_printf(out, "Recvq:\t%d\n", bytes);
	if (ioctl(socket->fd, SIOCOUTQ, &bytes) == 0)
		g_string_append_printf(out, "Sendq:\t%d\n", bytes);
}

static void print_status(const Entry *entry, const Object *object, GString *out)
{
	Conversation *conversation = entry->data;
	const Network *network = conversation->network;
	SocketOp *attempt = socket_op_of(entry);
	ObjectStat stat = {0};
	char name[NAME_MAX + 1];
	struct tcp_info tcp;
	int64_t accepted;
	Stage stage;
	Socket *socket = conversation_socket(entry, &stage);

	entry_name(entry, name);
	registry_stat(conversation->table, object, &stat);
	g_mutex_lock(&conversation_lock);
	accepted = conversation->accepted;
	g_mutex_unlock(&conversation_lock);
	g_string_append_printf(out, "Name:\t%s\nNetwork:\t%s\n", name, network->name);
	if (network->type == SOCK_RAW)
		g_string_append_printf(out, "Protocol:\t%d\n", conversation->protocol);
	g_string_append_printf(out, "State:\t%s\n", state_of(socket, stage, attempt != NULL));
	if (tcp_info(socket, &tcp))
		g_string_append_printf(out, "Tcp_state:\t%s\n", tcp_state(tcp.tcpi_state));
	text_label(out, "Local");
	print_address(network, socket, socket_local, out);
	text_label(out, "Remote");
	print_address(network, socket, socket_remote, out);
	if (stage == STAGE_CONNECTED) {
		text_label(out, "Peer");
		print_peer(conversation, socket, stage, out);
	}
	text_label(out, "Error");
	print_error(conversation, out);
	if (socket)
		print_queues(socket, stage, out);
	if (network->callers)
		g_string_append_printf(out, "Backlog:\t%d\nAccepted:\t%lld\n", options_backlog(&conversation->options),
				       (long long)accepted);
	g_string_append_printf(out, "Uid:\t%u\nGid:\t%u\nMode:\t%04o\n", stat.uid, stat.gid, stat.mode);
	socket_unref(socket);
	socket_op_unref(attempt);
}

/* -- Files ---------------------------------------------------------------------------------------------------------- */

static int attribute_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	Entry *entry = conversation_get(object);
	const Conversation *conversation;
	Socket *socket;
	Stage stage;

	if (!entry)
		return -ENOENT;
	conversation = entry->data;
	socket_op_poll(entry);
	socket = conversation_socket(entry, &stage);
	switch (desc->which) {
	case SOCKET_LOCAL:
		print_address(conversation->network, socket, socket_local, out);
		break;
	case SOCKET_REMOTE:
		print_address(conversation->network, socket, socket_remote, out);
		break;
	case SOCKET_PEER:
		print_peer(conversation, socket, stage, out);
		break;
	case SOCKET_ERROR:
		print_error(conversation, out);
		break;
	case SOCKET_QUEUED:
		text_number(out, conversation_queued(entry));
		break;
	}
	socket_unref(socket);
	conversation_unref(entry);
	return 0;
}

static int status_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	Entry *entry = conversation_get(object);

	if (!entry)
		return -ENOENT;
	socket_op_poll(entry);
	print_status(entry, object, out);
	conversation_unref(entry);
	return 0;
}

const TextOps socket_attribute = {.show = attribute_show};
const TextOps socket_status = {.show = status_show};
