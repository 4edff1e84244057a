/*
 * Reading and writing sockets. accept.c, data.c and dial.c each define a SocketFile, which says where the socket of an
 * open file comes from; file.c does the rest.
 */
#pragma once

#include "backends/common/queue.h"
#include "backends/socket/socket.h"

/*
 * Files on sockets. FileDesc.mechanism of such a file is a SocketFile, whose first field is the Queue that message
 * networks use. The network decides which StreamOps the file has: socket_bytes for byte streams, queue_data and the
 * other queue_* for messages.
 */
typedef struct SocketFile {
	Queue queue; /* SOCKET_QUEUE */
	/*
	 * The handle's socket, with a reference. NULL, with *error: -EAGAIN, it has none yet; -ENODATA, it has none
	 * any more (reads find the end, writes fail with EPIPE); or another negative errno. Called at any time, on any
	 * thread.
	 */
	Socket *(*get)(Handle *handle, int *error);
	/*
	 * A listening socket, with a reference, for a file that can be polled but not read or written; NULL or absent:
	 * there is none.
	 */
	Socket *(*listening)(Handle *handle);
	/* How to wait while get() returns no socket; absent: there always is a socket. */
	void (*wait)(Handle *handle, Direction direction, Wait *out);
	/* Told each negative errno of a read or write except -EAGAIN, -E2BIG and -EINTR; or absent. */
	void (*failed)(Handle *handle, int error);
	/* As in StreamOps. state[QUEUE_OWN] of the handle is free for the file; file.c uses the numbers behind it. */
	int (*open)(Handle *handle, BlockMode block);
	void (*close)(Handle *handle);
} SocketFile;

/* The initialiser of SocketFile.queue. */
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
