/*
 * Dirents: what a name in a directory stands for, before or apart from its inode; and the attributes of that.
 *
 * Callers: inode.c finds dirents; lookup.c, directory.c, names.c and memory.c show their attributes to the kernel.
 *
 * Locking: none. A Dirent is a plain value of its user; what dirent_start() sets never changes.
 */
#pragma once

#include "backends/core/backend.h"

typedef struct Dirent {
	const FileDesc *desc;
	const DirOps *members; /* of the nearest directory above that knows owner and rights; NULL outside objects */
	Object object;
} Dirent;

/* Sets the root of the tree, and registers host_inode(); once, before any other function. */
void dirent_start(const FileDesc *root);

/* The attributes of a dirent whose object has the owner, mode and times in `stat` (NULL outside objects). */
void dirent_fill_stat(const Dirent *dirent, const ObjectStat *stat, struct stat *out);

/*
 * Whether each open of such a file that writes gets an inode of its own (inode.h). A file on which nothing ever waits
 * needs none, except memory.
 */
static inline bool desc_is_per_opener(const FileDesc *desc)
{
	return (desc->kind == STREAM && desc->stream->wait) || desc->kind == MEMORY;
}

/* Whether it describes the members of a directory, not a fixed name. */
static inline bool desc_is_member(const FileDesc *desc)
{
	return !desc->name;
}
