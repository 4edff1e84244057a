/*
 * accept: an open waits for a connection to an announced conversation, and the open file is that connection.
 *
 * The file `listen` makes a conversation of the connection instead; ctl.c implements it with announced_accept(). The
 * functions of the file `accept` are called by fs/ through file.c: opens and waits on any thread, and no call sleeps.
 *
 * Locking: the conversation lock protects the list of accepted connections and the stage. An AcceptFile belongs to one
 * open file and changes only while that file is being opened.
 */
#include "backends/socket/accept.h"

#include <errno.h>

#include "backends/core/credentials.h"
#include "backends/core/refusal.h"
#include "backends/socket/operation.h"

/* -- Accepted connections ------------------------------------------------------------------------------------------ */

char *connection_peer(Socket *socket)
{
	char text[ADDRESS_TEXT_MAX + 1];
	struct ucred credentials;
	socklen_t size = sizeof credentials;
	Address remote;

	if (socket->network->local && socket->network->listens) {
		if (getsockopt(socket->fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
			return g_strdup("");
		return g_strdup_printf("pid=%d uid=%u gid=%u", credentials.pid, credentials.uid, credentials.gid);
	}
	if (socket_remote(socket, &remote) < 0)
		return g_strdup("");
	address_print(socket->network, &remote, text);
	return g_strdup(text);
}

static Accepted *accepted_new(Entry *announced, Socket *socket)
{
	Conversation *conversation = announced->data;
	g_autofree char *peer = connection_peer(socket);
	const size_t size = strlen(peer) + 1;
	Accepted *new = g_malloc0(sizeof *new + size);

	new->entry = registry_get(conversation->registry, announced->id);
	new->link.data = new;
	memcpy(new->peer, peer, size);
	g_mutex_lock(&conversation_lock);
	conversation->accepted_count++;
	g_queue_push_tail_link(&conversation->accepted, &new->link);
	g_mutex_unlock(&conversation_lock);
	return new;
}

static int refuse_not_announced(const Entry *announced)
{
	bool removed;

	g_mutex_lock(&conversation_lock);
	removed = conversation_of(announced)->removed;
	g_mutex_unlock(&conversation_lock);
	return refuse(EINVAL, removed ? "conversation was removed: it accepts no connections" :
					"conversation is not announced: write announce ADDRESS to ctl first");
}

/*
 * The listening socket, with a reference. NULL, with *error: -EAGAIN, a verb is in progress that may announce it;
 * -EINVAL, it is not announced, the reason noted.
 */
static Socket *listening(const Entry *announced, int *error)
{
	SocketOp *operation;
	Socket *socket;
	Stage stage;

	socket_op_poll(announced);
	operation = socket_op_of(announced);
	socket = conversation_socket(announced, &stage);
	*error = 0;
	if (stage != STAGE_ANNOUNCED) {
		socket_unref(g_steal_pointer(&socket));
		*error = operation ? -EAGAIN : refuse_not_announced(announced);
	}
	socket_op_unref(operation);
	return socket;
}

int announced_accept(Entry *announced, const Caller *caller, Socket **socket, Accepted **accepted)
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
		*accepted = accepted_new(announced, *socket);
	return result;
}

int announced_pending(const Entry *announced)
{
	int events, error;
	Socket *socket = listening(announced, &error);

	if (!socket)
		return error;
	events = socket_poll(socket, true, false);
	socket_unref(socket);
	return events ? 0 : -EAGAIN;
}

void announced_wait(const Entry *announced, Wait *out)
{
	Stage stage;
	Socket *socket = conversation_socket(announced, &stage);
	SocketOp *operation = socket_op_of(announced);

	if (socket && stage == STAGE_ANNOUNCED)
		socket_wait(socket, READING, out);
	else if (operation)
		socket_op_wait(operation, out);
	else
		conversation_wait(announced, out);
	socket_op_unref(operation);
	socket_unref(socket);
}

/* -- accept -------------------------------------------------------------------------------------------------------- */

/* An open file `accept`. */
typedef struct AcceptFile {
	Entry *entry; /* a reference, counted as an open file of the conversation; NULL once a connection is accepted */
	Socket *socket;
	Accepted *accepted;
} AcceptFile;

static AcceptFile *accept_file_of(const Handle *handle)
{
	return (AcceptFile *)(intptr_t)handle->state[QUEUE_OWN];
}

static int accept_open(Handle *handle, BlockMode block)
{
	AcceptFile *file = accept_file_of(handle);
	int result;

	if (!file) {
		Entry *entry = conversation_get(&handle->object);

		if (!entry)
			return -ENOENT;
		if (conversation_open(entry) < 0) {
			conversation_unref(entry);
			return -ENOENT;
		}
		file = g_new0(AcceptFile, 1);
		file->entry = entry;
		handle->state[QUEUE_OWN] = (int64_t)(intptr_t)file;
	}
	result = announced_accept(file->entry, &handle->caller, &file->socket, &file->accepted);
	if (result == 0)
		conversation_close(g_steal_pointer(&file->entry));
	return result;
}

static void accept_close(Handle *handle)
{
	AcceptFile *file = accept_file_of(handle);

	if (!file)
		return;
	if (file->entry)
		conversation_close(file->entry);
	socket_unref(file->socket);
	accepted_free(file->accepted);
	g_free(file);
}

static Socket *accept_get(Handle *handle, int *error)
{
	const AcceptFile *file = accept_file_of(handle);

	if (file && file->socket)
		return socket_ref(file->socket);
	*error = -EAGAIN;
	return NULL;
}

static void accept_wait(Handle *handle, Direction direction, Wait *out)
{
	announced_wait(accept_file_of(handle)->entry, out);
}

const SocketFile socket_accepted = {
	.queue = SOCKET_QUEUE,
	.get = accept_get,
	.wait = accept_wait,
	.open = accept_open,
	.close = accept_close,
};
