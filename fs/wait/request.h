/*
 * Requests: a read, a write or an open of a stream file, or the end of one. Each may have to wait.
 *
 * A request has exactly one owner at a time, which alone may work on it and replies to it: the thread that runs it, or
 * the thread that takes it out of where it waits, under the waiting lock. docs/architecture.md, "Ownership of a
 * request", has the states; waiting.h and wakeup.h have the transitions.
 *
 * Caller: stream.c, on a dispatcher thread. The functions are called without locks, and never sleep.
 */
#pragma once

#include "fs/file.h"

typedef enum Operation { OPEN, READ, WRITE, FINISH } Operation;

typedef struct RequestSpec {
	Operation operation;
	fuse_req_t fuse; /* NULL for FINISH, which gets no reply */
	File *file;
	bool nonblocking;
	size_t size;      /* READ: bytes wanted; WRITE: bytes of `data` */
	const char *data; /* WRITE; copied if the request has to wait */
} RequestSpec;

/* Starts a request, which replies sooner or later. An OPEN that fails, and a FINISH, release the file. */
void request_start(const RequestSpec *spec);
