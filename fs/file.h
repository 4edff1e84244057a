/*
 * Open files. One for every open(2), from then until the last close; its slot is FUSE's file handle.
 *
 * Ownership: the kernel's open holds it; so does whoever works on it on another thread, by file_ref(). The last one to let
 * go ends it. It holds its inode.
 */
#pragma once

#include "backends/core/backend.h"
#include "fs/fuse.h"
#include "fs/inode.h"
#include "fs/wait/waiting.h"

typedef struct File {
	Handle handle; /* what the mechanism sees */
	Inode *inode;
	uint32_t slot;
	int refs; /* atomic */

	/* stream */
	Lane lanes[2];                       /* by Direction */
	Watch watches[HANGUP + 1];           /* by Direction */
	struct fuse_pollhandle *poll_handle; /* Protected by the waiting lock. The newest; owned. */

	/* text: what was shown at the first read; Protected by the text lock. Owned. */
	GString *text;

	/* directory: its names as they were at the first read; owned. See directory.c. */
	GArray *names;

	/* memory: a descriptor of it, -1 where there is none; owned. Never changes, but what it is of may: see memory.c. */
	int fd;

	bool opened;   /* the mechanism knows of it */
	bool writer;   /* it is the one that inode_claim_writer() was called for */
	gid_t *groups; /* handle.caller.groups, owned */
} File;

void file_start(void);

/* An open file of this inode. NULL: too many. The caller's groups are `groups`, which it takes ownership of. */
File *file_new(Inode *inode, int flags, const Caller *caller, gid_t *groups);

File *file_get(uint64_t slot);
File *file_ref(File *file);

/* Lets go. The last one closes the mechanism's handle, if it was opened, and frees everything. */
void file_unref(File *file);

/* The mechanism has taken the handle: file_unref() will tell it of the end. */
void file_opened(File *file);
