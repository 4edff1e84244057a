/* Pipes: what the files of pipe/ share. */
#pragma once

#include "backends/common/registry.h"

/*
 * Its ends are both ours, so the kernel sees neither end of file nor a broken pipe: they follow from the counts of open
 * files. The fields below the descriptors are protected by the pipe lock (pipe.c).
 */
typedef struct Pipe {
	int ends[2];              /* to read and to write, O_NONBLOCK */
	uid_t user;               /* who made it, to whom its pages are charged */
	int64_t room;             /* bytes, its capacity */
	int64_t open[2], ever[2]; /* by Direction: open files now, and ever opened */
	bool removed;
} Pipe;

extern Registry pipe_table;
extern const TextOps pipe_attribute, pipe_capacity, pipe_status;

enum { PIPE_CAPACITY, PIPE_QUEUED, PIPE_READERS, PIPE_WRITERS, PIPE_ATTRIBUTES };

/* The bytes queued. */
int64_t pipe_queued(const Pipe *pipe);

/* The open files of one end. */
int64_t pipe_open_files(const Pipe *pipe, Direction direction);

/* F_SETPIPE_SZ, with the rights of the thread's effective uid. 0 or a negative errno, the reason noted. */
int pipe_resize(Pipe *pipe, int64_t bytes);

/* Wakes those who wait at one side: the other one has gone, or there is more room. */
void pipe_wake(const Entry *entry, Direction side);

/* The directory. */
extern const FileDesc pipe_desc;
