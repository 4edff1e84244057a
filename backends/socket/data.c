/*
 * data, next, drain, lines and records of a conversation.
 *
 * An open file keeps the socket that it used first: who reads on after a hang-up finds the end of that connection, not
 * the bytes of the next one. Before there is a connection it has no socket, but an announced one, to be polled for
 * callers.
 */
#include "backends/socket/data.h"

#include <errno.h>

#include "backends/socket/operation.h"
#include "backends/core/refusal.h"

typedef struct Data {
	Entry *entry;   /* held, and counted as an open file of it */
	Socket *socket; /* Protected by the conversation lock: set once. Held. */
} Data;

static Data *data_of(const Handle *handle)
{
	return (Data *)(intptr_t)handle->state[QUEUE_OWN];
}

/* Whether bytes or messages go over the conversation's socket. Called with the conversation lock held. */
static bool carries(const Conversation *conversation)
{
	return conversation->stage == STAGE_CONNECTED ||
	       (conversation->stage != STAGE_IDLE && !conversation->network->callers);
}

/*
 * The socket of an open file, held; NULL, with *error; -EAGAIN: a verb is under way. Called with the conversation lock
 * held.
 */
static Socket *socket_now(Data *data, int *error)
{
	const Conversation *conversation = conversation_of(data->entry);

	if (!data->socket && carries(conversation))
		data->socket = socket_ref(conversation->socket);
	if (data->socket) {
		/* The kernel says what is at its end of a connection, but not so of a datagram socket. */
		if (conversation->network->callers || data->socket == conversation->socket)
			return socket_ref(data->socket);
		*error = -ENODATA;
		return NULL;
	}
	*error = conversation->pending ? -EAGAIN : conversation->late ? -conversation->error : -ENOTCONN;
	return NULL;
}

static Socket *data_get(Handle *handle, int *error)
{
	Data *data = data_of(handle);
	Socket *socket;
	bool announced;

	socket_op_poll(data->entry);
	g_mutex_lock(&conversation_lock);
	socket = socket_now(data, error);
	announced = conversation_of(data->entry)->stage == STAGE_ANNOUNCED;
	g_mutex_unlock(&conversation_lock);
	if (!socket && *error == -ENOTCONN)
		refuse(ENOTCONN, announced ? "nothing goes over what is announced: open accept for a connection" :
					     "there is no connection: write connect ADDRESS to ctl first");
	return socket;
}

static Socket *data_called(Handle *handle)
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
	SocketOp *attempt = socket_op_of(data->entry);

	if (attempt)
		socket_op_wait(attempt, out);
	else
		conversation_wait(data->entry, out);
	socket_op_unref(attempt);
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
	/* What is connected now is what was opened. */
	g_mutex_lock(&conversation_lock);
	if (carries(entry->data))
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
	.called = data_called,
	.wait = data_wait,
	.failed = data_failed,
	.open = data_open,
	.close = data_close,
};
