/*
 * A request that may have to wait: a read, a write, an open of a stream file, or the end of one.
 *
 * A request has exactly one owner at a time, who alone may work on it and answers it: the thread that runs it, or whoever
 * takes it out of where it waits, under the waiting lock. docs/architecture.md, "The life of a request", has the whole story.
 */
#pragma once

#include "fs/file.h"

typedef enum Operation { OPEN, READ, WRITE, FINISH } Operation;

struct Request {
	Operation operation;
	fuse_req_t fuse; /* NULL: nobody waits for the answer. FINISH; or who did was told that it is interrupted */
	File *file;
	bool nonblocking;
	bool signals;       /* WRITE: SIGPIPE comes with the answer */
	bool kept;          /* on the heap, with data of its own, and told of interrupts */
	bool counted;       /* FINISH: among those that request_finishing() tells of */
	size_t size;        /* bytes wanted, or to be written */
	size_t done;        /* bytes written */
	size_t done_before; /* of which before it was last taken out of a group */
	const char *data;   /* WRITE; owned once kept */
	ssize_t result;
	int given_up;    /* the errno, negative, that it ends with before it could be done; 0: it does not */
	const char *out; /* READ: the bytes of the answer, in this thread's memory */
	unsigned wakes;  /* waiting_wakes() of before the last try */

	/* Protected by the waiting lock. */
	bool entered; /* it is the one under way on its side */
	enum { RUNNING, BEHIND, PARKED, ENDING } state;
	gint64 interrupted; /* since when, in us; 0: it is not */
	bool leaving;       /* whoever waited for it is being told so, and it has to stay meanwhile … */
	bool over;          /* … though it has ended */
	Group *group;       /* PARKED: where; RUNNING: which it was taken out of, if it was … */
	unsigned seen;      /* … and Group.wakes of then: another wake-up since must not be lost */
	GList link;         /* in the group, the side, or the interrupted */
};

/* Starts a request; it belongs to the callee, who answers it sooner or later. `request` is copied if it must wait. */
void request_start(const Request *request);

/* Goes on with a request that the calling thread owns and has tried; for waiting.c. Answers it and what was behind it. */
void request_finish(Request *request);

/* Goes on with a request that the calling thread owns and that waits for something else now: tries once more and parks it. */
void request_again(Request *request);

/* How many closed files of this user wait to send the rest. */
int request_finishing(uid_t uid);

/* Frees a kept request that is over. */
void request_free(Request *request);

/*
 * One try, or one sleep. True when there is an answer (request->result); false when it has to wait (or, sleeping, a signal
 * came).
 */
bool request_step(Request *request, BlockMode block);

/* Which way it goes; FINISH: WRITING. */
Direction request_direction(const Request *request);

/* What it waits for now. */
void request_wait(const Request *request, Wait *out);

/* The side of the file that it is on; NULL: it is independent of all others. */
Side *request_side(const Request *request);

/* The answer to a request that ends before it could be done: what was written so far, or else `error`, negative. */
static inline void request_give_up(Request *request, int error)
{
	request->given_up = error;
	request->result = request->done ? (ssize_t)request->done : error;
}
