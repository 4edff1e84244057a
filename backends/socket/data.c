/*
 * data, next, drain, lines and records of a conversation. file.c calls these functions as a SocketFile, on any thread.
 *
 * An open file keeps the socket that it used first. After a hang-up its reads find the end of that connection, not the
 * bytes of the next one. Before the connection exists an open file has no socket. While the conversation is
 * announced, poll(2) watches the listening socket.
 *
 * Locking: the conversation lock protects Data.socket, which is set once, and the stage.
 */
#include "backends/socket/data.h"

#include <errno.h>

#include "backends/core/refusal.h"
#include "backends/socket/operation.h"

typedef struct Data {
	Entry *entry;   /* a reference, counted as an open file */
	Socket *socket; /* Protected by the conversation lock. A reference; set once. */
} Data;

static Data *data_of(const Handle *handle)
{
	return (Data *)(intptr_t)handle->state[QUEUE_OWN];
}

/* Whether the conversation's socket transfers bytes or messages. Called with the conversation lock held. */
static bool carries_data(const Conversation *conversation)
{
	return conversation->stage == STAGE_CONNECTED ||
	       (conversation->stage != STAGE_IDLE && !conversation->network->listens);
}

/*
 * The socket of an open file, with a reference; NULL, with *error: -EAGAIN, a verb is in progress. Called with the
 * conversation lock held.
 */
static Socket *current_socket(Data *data, int *error)
{
	const Conversation *conversation = conversation_of(data->entry);

	if (!data->socket && carries_data(conversation))
		data->socket = socket_ref(conversation->socket);
	if (data->socket) {
		/* The kernel reports the end of a connection, but a datagram socket has no such end. */
		if (conversation->network->listens || data->socket == conversation->socket)
			return socket_ref(data->socket);
		*error = -ENODATA;
		return NULL;
	}
	*error = conversation->pending ? -EAGAIN : conversation->unreported ? -conversation->error : -ENOTCONN;
	return NULL;
}

static Socket *data_get(Handle *handle, int *error)
{
	Data *data = data_of(handle);
	Socket *socket;
	bool announced;

	socket_op_poll(data->entry);
	g_mutex_lock(&conversation_lock);
	socket = current_socket(data, error);
	announced = conversation_of(data->entry)->stage == STAGE_ANNOUNCED;
	g_mutex_unlock(&conversation_lock);
	if (!socket && *error == -ENOTCONN)
		refuse(ENOTCONN, announced ? "announced conversation transfers no data: open accept for a connection" :
					     "conversation is not connected: write connect ADDRESS to ctl first");
	return socket;
}

static Socket *data_listening(Handle *handle)
{
	const Data *data = data_of(handle);
	Socket *socket = NULL;

	g_mutex_lock(&conversation_lock);
	if (!data->socket && conversation_of(data->entry)->stage == STAGE_ANNOUNCED)
		socket = socket_ref(conversation_of(data->entry)->socket);
	g_mutex_unlock(&conversation_lock);
	return socket;
}

static void data_wait(Handle *handle, Direction direction, Wait *out)
{
	Data *data = data_of(handle);
	SocketOp *operation = socket_op_of(data->entry);

	if (operation)
		socket_op_wait(operation, out);
	else
		conversation_wait(data->entry, out);
	socket_op_unref(operation);
}

static int data_open(Handle *handle, BlockMode block)
{
	Entry *entry = conversation_get(&handle->object);
	Data *data;

	if (!entry)
		return -ENOENT;
	if (conversation_open(entry) < 0) {
		conversation_unref(entry);
		return -ENOENT;
	}
	data = g_new0(Data, 1);
	data->entry = entry;
	handle->state[QUEUE_OWN] = (int64_t)(intptr_t)data;
	/* The file belongs to the connection that exists at its open. */
	g_mutex_lock(&conversation_lock);
	if (carries_data(entry->data))
		data->socket = socket_ref(conversation_of(entry)->socket);
	g_mutex_unlock(&conversation_lock);
	return 0;
}

static void data_close(Handle *handle)
{
	Data *data = data_of(handle);

	if (!data)
		return;
	socket_unref(data->socket);
	conversation_close(data->entry);
	g_free(data);
}

static void data_failed(Handle *handle, int error)
{
	Conversation *conversation = conversation_of(data_of(handle)->entry);

	g_mutex_lock(&conversation_lock);
	conversation->error = -error;
	g_mutex_unlock(&conversation_lock);
}

const SocketFile socket_data = {
	.queue = SOCKET_QUEUE,
	.get = data_get,
	.listening = data_listening,
	.wait = data_wait,
	.failed = data_failed,
	.open = data_open,
	.close = data_close,
};
