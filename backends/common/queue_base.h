/*
 * The interface that a kind of queue implements (Queue), and the code that the files of a queue share: framing, hand-over and
 * the members of StreamOps that call the kind of queue.
 *
 * A message has a mark beside its bytes: the type of a System V message, the priority of a POSIX message, or the address
 * that a datagram comes from or goes to.
 *
 * Nothing here holds a lock. fs/ calls the functions of one open file one after the other.
 */
#pragma once

#include "backends/core/backend.h"

typedef struct Mark {
	int64_t number;
	uint32_t length; /* of the address */
	unsigned char address[128];
} Mark;

/* A kind of queue. The FileDescs of its files point to it with `mechanism`. */
typedef struct Queue {
	/*
	 * Receives the next message that the handle selects: its bytes to buf, at most `room` of them, its mark to *mark.
	 * Returns the length of the message. -EAGAIN: no message is queued. -E2BIG: the next message may have more than `room`
	 * bytes and stays queued; with room for `largest` this happens only if the limit was lowered. -ENODATA: no message is
	 * queued and none will come, which is the end of the file.
	 */
	ssize_t (*receive)(Handle *handle, char *buf, size_t room, Mark *mark, BlockMode block);
	/* Sends one message. -EAGAIN: no room for it now. -EMSGSIZE: it is too long for the queue. */
	int (*send)(Handle *handle, const Mark *mark, const char *bytes, size_t length, BlockMode block);
	/* The maximum length of a message in this queue, or a negative errno; -ENODATA as for receive(). */
	ssize_t (*largest)(Handle *handle);
	/* The number of messages that are queued, or a negative errno; -ENODATA as for receive(). */
	int64_t (*queued)(Handle *handle);
	/* The mark of messages that are written without one. */
	void (*mark)(const Handle *handle, Mark *out);
	/*
	 * Marks as text, in records. Either numbers from mark_min to mark_max; or at most mark_text bytes without a newline,
	 * which print_mark() prints (and a '\0') and returns the length of, and parse_mark() reads (0, or a negative errno
	 * with the reason noted).
	 */
	int64_t mark_min, mark_max;
	const char *mark_name; /* of such a number, in messages to the user */
	size_t mark_text;
	size_t (*print_mark)(Handle *handle, char *text, const Mark *mark);
	int (*parse_mark)(Handle *handle, const char *text, size_t length, Mark *out);
	/* As in StreamOps. open, cancel and close may be NULL. */
	int (*open)(Handle *handle, BlockMode block);
	void (*cancel)(Handle *handle);
	int (*poll)(Handle *handle);
	void (*wait)(Handle *handle, Direction direction, size_t size, Wait *out);
	void (*close)(Handle *handle);
} Queue;

static inline const Queue *queue_of(const Handle *handle)
{
	return handle->desc->mechanism;
}

/*
 * The numbers in Handle.state. After a refused message of which the daemon has seen only a part, QUEUE_BROKEN is the errno with which
 * every further write fails until the file is opened again, so that the rest of the message is not taken for another one.
 */
enum { QUEUE_STARTED, QUEUE_LEFT, QUEUE_BROKEN, QUEUE_OWN /* from here on for the kind of queue */ };

/* -- Framing -------------------------------------------------------------------------------------------------------- */

/* The longest head of a message, whatever its mark. Queue.mark_text is smaller by the rest of the head. */
enum { QUEUE_HEAD_MAX = 600 };

/* The bytes that a file puts before and after those of a message. */
typedef struct Framing {
	size_t tail_max;
	/* The length of the longest head. NULL, as head(): messages have no head. */
	size_t (*head_max)(const Queue *queue);
	/* Prints the head to `head` (head_max() bytes and a '\0') and returns its length. */
	size_t (*head)(Handle *handle, char *head, const Mark *mark, size_t length);
	/* Prints the tail to `tail` (tail_max bytes) and returns its length. */
	size_t (*tail)(char *tail, const char *bytes, size_t length);
} Framing;

/*
 * Receives up to `count` messages and puts them into buf with their frames, as many as are queued and fit; never waits for a
 * second message. A message that does not fit into an empty buf is received all the same, and the next reads return the
 * rest of it (handle->rest). Returns the bytes, 0 at the end of the file, or -EAGAIN if no message is queued. *count decreases by
 * the number of messages received.
 */
ssize_t queue_hand_over(Handle *handle, const Framing *framing, int64_t *count, char *buf, size_t size);

/* -- Members of StreamOps ------------------------------------------------------------------------------------------- */

int queue_open(Handle *handle, BlockMode block);
void queue_cancel(Handle *handle);
int queue_poll(Handle *handle);
void queue_wait(Handle *handle, Direction direction, size_t size, Wait *out);
void queue_close(Handle *handle);

/* Queue.largest, for a write: -EPIPE if no process will ever receive. */
ssize_t queue_largest(Handle *handle);
