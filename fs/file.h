/*
 * Open files: one for each open(2), until its last close. The slot of a File is FUSE's file handle.
 *
 * A File embeds the Handle, which is the part that a mechanism sees (backends/core/backend.h).
 *
 * Ownership: the kernel's open holds a File until RELEASE. A thread that works on it elsewhere holds it by file_ref().
 * The last release frees it. A File holds its inode.
 *
 * Callers: every file of fs/ that handles open files, on any thread. The functions take no lock but those of table.c
 * and inode.c.
 */
#pragma once

#include "backends/core/backend.h"
#include "fs/fuse.h"
#include "fs/inode.h"
#include "fs/wait/waiting.h"

typedef struct File {
	Handle handle;
	Inode *inode;
	uint32_t slot;
	int refs; /* atomic */

	/* stream */
	Lane lanes[2];                       /* by Direction */
	Watch watches[HANGUP + 1];           /* by Direction */
	struct fuse_pollhandle *poll_handle; /* Protected by the waiting lock. The newest handle; owned. */

	/* text: the snapshot. Protected by the text lock. Owned. */
	GString *text;

	/* directory: the list that its reads continue in; owned. See directory.c. */
	GArray *names;

	/* memory: its descriptor; -1: none. Owned. The number never changes, but memory.c may exchange the memory. */
	int fd;

	bool opened;   /* the mechanism has taken the handle */
	bool writer;   /* it has claimed its inode: inode_claim_writer() */
	gid_t *groups; /* handle.caller.groups, owned */
} File;

/* Creates the table; once, before any other function. */
void file_start(void);

/* A new open file of this inode. Takes ownership of `groups`, the caller's. NULL: there are too many files. */
File *file_new(Inode *inode, int flags, const Caller *caller, gid_t *groups);

/* The file with this slot, which the kernel or the caller holds. */
File *file_get(uint64_t slot);

File *file_ref(File *file);

/* Ends a hold. The last one closes the mechanism's handle, or cancels it if it was not opened, and frees the file. */
void file_unref(File *file);

/* The mechanism has taken the handle: the last file_unref() will close it. */
void file_opened(File *file);
