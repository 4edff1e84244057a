/*
 * The vocabulary of queues: data, next, drain, lines, records. One implementation for every kind of queue; a mechanism
 * supplies how one message is taken and sent.
 *
 * A message has a mark beside its bytes: the type of a System V message, the priority of a POSIX one, the address that a
 * datagram comes from or goes to.
 */
#pragma once

#include "backends/core/backend.h"

typedef struct Mark {
	int64_t number;
	uint32_t length; /* of the address */
	unsigned char address[128];
} Mark;

/* What a kind of queue can do. Its rows carry one of these in `mechanism`. */
typedef struct Queue {
	/*
	 * Takes the next message that the handle selects: its bytes to buf, at most `room` of them, its mark to *mark.
	 * Returns its length. -EAGAIN: none is there. -E2BIG: the next one may have more than `room` bytes and stays queued;
	 * with room for `largest` that never comes, unless the limit was lowered. -ENODATA: none is there and none will come:
	 * the end of the file.
	 */
	ssize_t (*receive)(Handle *handle, char *buf, size_t room, Mark *mark, BlockMode block);
	/* Sends one message. -EAGAIN: no room for it now. -EMSGSIZE: never. */
	int (*send)(Handle *handle, const Mark *mark, const char *bytes, size_t length, BlockMode block);
	/* The bytes that a message in this queue may have at most, or a negative errno; -ENODATA: as of receive(). */
	ssize_t (*largest)(Handle *handle);
	/* How many messages are queued, or a negative errno; -ENODATA: as of receive(). */
	int64_t (*queued)(Handle *handle);
	/* The mark of messages that are written without naming one. */
	void (*mark)(const Handle *handle, Mark *out);
	/*
	 * Marks as text, in records. Either numbers from mark_min to mark_max; or at most mark_text bytes that print_mark()
	 * prints (and a '\0'), returning their length, and parse_mark() reads (0, or a negative errno with the reason noted),
	 * without a newline in them.
	 */
	int64_t mark_min, mark_max;
	size_t mark_text;
	size_t (*print_mark)(Handle *handle, char *text, const Mark *mark);
	int (*parse_mark)(Handle *handle, const char *text, size_t length, Mark *out);
	/* See StreamOps. open and cancel may be absent. */
	int (*open)(Handle *handle, BlockMode block);
	void (*cancel)(Handle *handle);
	int (*poll)(Handle *handle);
	void (*wait)(Handle *handle, Direction direction, size_t size, Wait *out);
	void (*close)(Handle *handle);
} Queue;

extern const StreamOps queue_data, queue_next, queue_drain, queue_lines, queue_records;

/* Appends one message as a record, with a number for a mark: "MARK LENGTH\n", its bytes, "\n". */
void queue_print_record(GString *out, int64_t mark, const char *bytes, size_t length);

/* -- Between the queue's own files ------------------------------------------------------------------------------- */

static inline const Queue *queue_of(const Handle *handle)
{
	return handle->desc->mechanism;
}

/* The longest head of a message, whatever its mark: Queue.mark_text is so much smaller. */
enum { QUEUE_HEAD_MAX = 600 };

/* How a file frames a message that it hands to its reader: the bytes before and after those of the message. */
typedef struct Framing {
	size_t tail_max;
	/* The bytes of the longest head; absent, with head(): there is none. */
	size_t (*head_max)(const Queue *queue);
	/* Prints what comes before the message to `head` (head_max() bytes and a '\0') and returns its length. */
	size_t (*head)(Handle *handle, char *head, const Mark *mark, size_t length);
	/* Prints what comes after it to `tail` (tail_max bytes) and returns its length. */
	size_t (*tail)(char *tail, const char *bytes, size_t length);
} Framing;

extern const Framing queue_as_bytes, queue_as_line, queue_as_record;

/*
 * Hands over up to `count` whole framed messages, as many as are there and fit into buf; never waits for a second one.
 * One that fits no empty buf is taken all the same, and what is left of it comes with the next reads (handle->rest).
 * Returns bytes, or -EAGAIN when there was no message. *count goes down by the messages taken.
 */
ssize_t queue_hand_over(Handle *handle, const Framing *framing, int64_t *count, char *buf, size_t size);

/*
 * The numbers a queue's file keeps in Handle.state. A file whose writer lost its place in a message that was refused
 * refuses all else with the same errno until it is opened again, so that no piece of it is taken for a message.
 */
enum { QUEUE_STARTED, QUEUE_LEFT, QUEUE_BROKEN, QUEUE_OWN /* free for the kind of queue */ };

int queue_open(Handle *handle, BlockMode block);
void queue_cancel(Handle *handle);
int queue_poll(Handle *handle);
void queue_wait(Handle *handle, Direction direction, size_t size, Wait *out);
void queue_close(Handle *handle);

/* Queue.largest, for who writes: -EPIPE where nobody will ever receive. */
ssize_t queue_largest(Handle *handle);
