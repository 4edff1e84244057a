/* Reading and writing sockets. */
#pragma once

#include "backends/common/queue.h"
#include "backends/socket/socket.h"

/*
 * Files on sockets. Such a row's `mechanism` is a SocketFile, whose first field is the Queue that message networks use; which
 * of the StreamOps below a row has is by its network: socket_bytes for streams, queue_data and its like for messages.
 */
typedef struct SocketFile {
	Queue queue; /* SOCKET_QUEUE */
	/*
	 * The handle's socket, held; NULL, with *error: it has none now (-EAGAIN: but may have), or no more (-ENODATA: reads find
	 * the end, writes -EPIPE). Runs at any time, on any thread.
	 */
	Socket *(*get)(Handle *handle, int *error);
	/* The socket that is called at, held, where there is one to be polled, but not to be read or written; NULL, or absent. */
	Socket *(*called)(Handle *handle);
	/* What one waits for where there is no socket, or it is not ready to be waited for; absent: there always is one. */
	void (*wait)(Handle *handle, Direction direction, Wait *out);
	/* Told of each errno, negative, that reading or writing the socket has met, but for "not now"; or absent. */
	void (*failed)(Handle *handle, int error);
	/* As of StreamOps. The handle's own number is state[QUEUE_OWN]; that behind it is taken. */
	int (*open)(Handle *handle, BlockMode block);
	void (*close)(Handle *handle);
} SocketFile;

/* A SocketFile: of its fields `.queue = SOCKET_QUEUE`. */
#define SOCKET_QUEUE                                                                                         \
	{                                                                                                    \
		.receive = socket_queue_receive, .send = socket_queue_send, .largest = socket_queue_largest, \
		.queued = socket_queue_queued, .mark = socket_queue_mark, .mark_text = ADDRESS_TEXT_MAX,     \
		.print_mark = socket_queue_print_mark, .parse_mark = socket_queue_parse_mark,                \
		.open = socket_file_open, .cancel = socket_file_close, .poll = socket_file_poll,             \
		.wait = socket_file_wait, .close = socket_file_close                                         \
	}

extern const StreamOps socket_bytes;

ssize_t socket_queue_receive(Handle *handle, char *buf, size_t room, Mark *mark, BlockMode block);
int socket_queue_send(Handle *handle, const Mark *mark, const char *bytes, size_t length, BlockMode block);
ssize_t socket_queue_largest(Handle *handle);
int64_t socket_queue_queued(Handle *handle);
void socket_queue_mark(const Handle *handle, Mark *out);
size_t socket_queue_print_mark(Handle *handle, char *text, const Mark *mark);
int socket_queue_parse_mark(Handle *handle, const char *text, size_t length, Mark *out);
int socket_file_open(Handle *handle, BlockMode block);
void socket_file_close(Handle *handle);
int socket_file_poll(Handle *handle);
void socket_file_wait(Handle *handle, Direction direction, size_t size, Wait *out);
