/*
 * accept: opening it waits for somebody to call, and the descriptor is that connection. (listen, which makes a
 * conversation of it, is in socket_ctl.c.)
 */
#include "backends/socket/accept.h"

#include <errno.h>
#include <poll.h>

#include "backends/core/credentials.h"
#include "backends/socket/operation.h"
#include "backends/core/refusal.h"

/* -- Calls ---------------------------------------------------------------------------------------------------------- */

char *call_peer(Socket *socket)
{
	char text[ADDRESS_TEXT_MAX + 1];
	struct ucred credentials;
	socklen_t size = sizeof credentials;
	Address remote;

	if (socket->network->local && socket->network->callers) {
		if (getsockopt(socket->fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
			return g_strdup("");
		return g_strdup_printf("pid=%d uid=%u gid=%u", credentials.pid, credentials.uid, credentials.gid);
	}
	if (socket_remote(socket, &remote) < 0)
		return g_strdup("");
	address_print(socket->network, &remote, text);
	return g_strdup(text);
}

static Call *call_new(Entry *announced, Socket *socket)
{
	Conversation *conversation = announced->data;
	g_autofree char *peer = call_peer(socket);
	const size_t size = strlen(peer) + 1;
	Call *new = g_malloc0(sizeof *new + size);

	new->entry = registry_get(conversation->table, announced->id);
	new->link.data = new;
	memcpy(new->peer, peer, size);
	g_mutex_lock(&conversation_lock);
	conversation->accepted++;
	g_queue_push_tail_link(&conversation->calls, &new->link);
	g_mutex_unlock(&conversation_lock);
	return new;
}

static int refuse_call(const Entry *announced)
{
	bool removed;

	g_mutex_lock(&conversation_lock);
	removed = conversation_of(announced)->removed;
	g_mutex_unlock(&conversation_lock);
	return refuse(EINVAL, removed ? "nobody can call: the conversation has been removed" :
					"nobody can call: write announce ADDRESS to ctl first");
}

/* The socket that is called, held; NULL, with *error: -EAGAIN, it may be one soon; -EINVAL, the reason noted. */
static Socket *listening(const Entry *announced, int *error)
{
	SocketOp *attempt;
	Socket *socket;
	Stage stage;

	socket_op_poll(announced);
	attempt = socket_op_of(announced);
	socket = conversation_socket(announced, &stage);
	*error = 0;
	if (stage != STAGE_ANNOUNCED) {
		socket_unref(g_steal_pointer(&socket));
		*error = attempt ? -EAGAIN : refuse_call(announced);
	}
	socket_op_unref(attempt);
	return socket;
}

int call_accept(Entry *announced, const Caller *caller, Socket **socket, Call **call)
{
	int result;
	Socket *from = listening(announced, &result);

	if (!from)
		return result;
	result = creds_override(caller);
	if (result == 0) {
		result = socket_accept(from, socket);
		creds_revert();
	}
	socket_unref(from);
	if (result == 0)
		*call = call_new(announced, *socket);
	return result;
}

int call_pending(const Entry *announced)
{
	int events, error;
	Socket *socket = listening(announced, &error);

	if (!socket)
		return error;
	events = socket_poll(socket, true, false);
	socket_unref(socket);
	return events ? 0 : -EAGAIN;
}

void call_wait(const Entry *announced, Wait *out)
{
	Stage stage;
	Socket *socket = conversation_socket(announced, &stage);
	SocketOp *attempt = socket_op_of(announced);

	if (socket && stage == STAGE_ANNOUNCED)
		socket_wait(socket, READING, out);
	else if (attempt)
		socket_op_wait(attempt, out);
	else
		conversation_wait(announced, out);
	socket_op_unref(attempt);
	socket_unref(socket);
}

/* -- accept --------------------------------------------------------------------------------------------------------- */

/* An open `accept`: until somebody calls the conversation, from then on what it is. */
typedef struct Accepted {
	Entry *entry; /* held, and counted as an open file of it; NULL from then on */
	Socket *socket;
	Call *call;
} Accepted;

static Accepted *accepted_of(const Handle *handle)
{
	return (Accepted *)(intptr_t)handle->state[QUEUE_OWN];
}

static int accept_open(Handle *handle, BlockMode block)
{
	Accepted *accepted = accepted_of(handle);
	int result;

	if (!accepted) {
		Entry *entry = conversation_get(&handle->object);

		if (!entry)
			return -ENOENT;
		if (conversation_open(entry) < 0) {
			conversation_unref(entry);
			return -ENOENT;
		}
		accepted = g_new0(Accepted, 1);
		accepted->entry = entry;
		handle->state[QUEUE_OWN] = (int64_t)(intptr_t)accepted;
	}
	result = call_accept(accepted->entry, &handle->caller, &accepted->socket, &accepted->call);
	if (result == 0)
		conversation_close(g_steal_pointer(&accepted->entry));
	return result;
}

static void accept_close(Handle *handle)
{
	Accepted *accepted = accepted_of(handle);

	if (!accepted)
		return;
	if (accepted->entry)
		conversation_close(accepted->entry);
	socket_unref(accepted->socket);
	call_free(accepted->call);
	g_free(accepted);
}

static Socket *accept_get(Handle *handle, int *error)
{
	const Accepted *accepted = accepted_of(handle);

	if (accepted && accepted->socket)
		return socket_ref(accepted->socket);
	*error = -EAGAIN;
	return NULL;
}

static void accept_wait(Handle *handle, Direction direction, Wait *out)
{
	call_wait(accepted_of(handle)->entry, out);
}

const SocketFile socket_accepted = {
	.queue = SOCKET_QUEUE,
	.get = accept_get,
	.wait = accept_wait,
	.open = accept_open,
	.close = accept_close,
};
