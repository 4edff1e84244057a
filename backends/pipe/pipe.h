/*
 * Pipes: the objects of pipe/.
 *
 * The daemon makes a pipe with pipe2(2) and keeps both ends open, so the bytes stay while no process has the pipe open. The
 * kernel therefore reports neither end of file nor a broken pipe for it: they follow from the counts of open files here.
 */
#pragma once

#include "backends/common/registry.h"
#include "backends/pipe/capacity.h"

typedef struct Pipe {
	int ends[2]; /* by Direction, O_NONBLOCK */
	Capacity capacity;

	/* Protected by the pipe lock. */
	int64_t open[2], ever[2]; /* by Direction: open files now, and ever opened */
	bool removed;
} Pipe;

extern Registry pipe_table;

/* "The pipe lock" guards the counts of every pipe. It is held for a few instructions, never across a system call or host_wake(). */
extern GMutex pipe_lock;

/*
 * Makes a pipe for the thread's effective uid. 0, and the caller owns *out until it is in the table; or a negative errno with
 * the reason noted.
 */
int pipe_new(Pipe **out);
void pipe_free(Pipe *pipe);

/* The bytes queued. */
int64_t pipe_queued(const Pipe *pipe);

/* The open files of one end. */
int64_t pipe_open_files(const Pipe *pipe, Direction end);

/* The key of requests that wait at `end` for `what` (backend.h, Wait). */
void pipe_fill_key(int64_t id, Direction end, Direction what, int64_t key[4]);

/* Wakes the requests and polls that wait at one end: the other end has closed, or there is more room. */
void pipe_wake(const Entry *entry, Direction end);
