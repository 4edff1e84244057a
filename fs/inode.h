/*
 * Inodes: what the kernel knows of the tree by number.
 *
 * Ownership: the kernel holds an inode by its look-ups, until it forgets them. Children and open files hold it by
 * inode_ref(). An inode that nothing holds is freed. An inode holds its parent.
 *
 * A directory or text file has one inode for each name. Each open for writing of a stream on which writes can wait has
 * an inode of its own. The kernel locks an inode during a direct write, so one blocked writer would block all other
 * writers of the inode, in write(2) and in open(2) with O_TRUNC, and not even SIGKILL would end them.
 *
 * A look-up does not say what it is for. It returns an inode that its user shares until a file has it open for writing.
 * If two opens race for that inode, the second gets ESTALE. The kernel then looks the name up once more, and this retry
 * gets an inode for that thread alone. (A new inode for each look-up would be simpler, but the kernel drops a name
 * whose inode has changed. A thousand threads that open one name at once would drop it for each other again and again.)
 *
 * No look-up returns an inode of memory that is open, for reading or writing: memory.c says why.
 *
 * Callers: every file of fs/ that handles a request of the kernel, on any thread.
 *
 * Locking: "the inode lock" guards the fields named below and the index of names. It is held for a few
 * instructions, never across a call to a mechanism. A table's lock (table.c) is taken under it.
 */
#pragma once

#include "fs/dirent.h"
#include "fs/fuse.h"

typedef struct Inode {
	const FileDesc *desc;
	const DirOps *members; /* of the nearest directory above that knows owner and rights; NULL outside objects */
	uint32_t slot, parent;
	uid_t uid; /* of a stream or memory: the user whose look-ups return it */
	int sized; /* atomic; a stream open for writing: see stream.c, "Writers that share a descriptor" */

	/* Protected by the inode lock. */
	Object object;    /* only its name changes */
	uint32_t refs;    /* children and open files */
	uint64_t lookups; /* of the kernel */
	uint32_t writers; /* open files that write to a stream, or open files of memory */
	bool indexed;     /* look-ups of its name return it */
	bool removed;     /* a SPECIAL without a name; fstat(2) still returns `last` */
	ObjectStat last;
} Inode;

/* Creates the table with the root; once, before any other function. */
void inode_start(const FileDesc *root);

/* The inode with this number, which the kernel or the caller holds. */
Inode *inode_get(fuse_ino_t ino);

/* Looks `name` up in a directory. 0 or a negative errno. */
int inode_find(Inode *directory, const char *name, Dirent *out);

/* The dirent of a member of `directory`. */
Dirent inode_member(Inode *directory, const Object *object);

/* The dirent of the fixed name `desc` of a directory. */
Dirent inode_fixed(Inode *directory, const FileDesc *desc);

/* Calls `each` for the fixed names of a directory. */
void inode_each_desc(const FileDesc *directory, void (*each)(void *data, const FileDesc *desc), void *data);

/* The inode for a look-up by this user and thread, which holds it once more. NULL: there are too many inodes. */
Inode *inode_enter(Inode *directory, const Dirent *dirent, uid_t uid, pid_t thread);

/*
 * Claims the inode for an open of a stream for writing, or of memory. No look-up returns it from then on. False:
 * another open has claimed the stream. Then the thread's next look-up of that name returns an inode of its own. An open
 * retry that arrives at the same inode again succeeds.
 */
bool inode_claim_writer(Inode *inode, pid_t thread);

/* Ends the claim, when the file is released. */
void inode_release_writer(Inode *inode);

/* The kernel forgets so many look-ups. */
void inode_forget(Inode *inode, uint64_t lookups);
void inode_ref(Inode *inode);
void inode_unref(Inode *inode);

/* Whether a file has it open. Not for directories. */
bool inode_is_open(Inode *inode);

/* A copy of its object, with its present name. */
Object inode_object(Inode *inode);

/* Gives the dirent's inode, if it has one, its new name: look-ups of that name return it. */
void inode_rename(Inode *directory, const Dirent *dirent, const char *name);

/* A SPECIAL has lost its name: its inode, if it has one, keeps these attributes for fstat(2). */
void inode_remove(Inode *directory, const Dirent *dirent, const ObjectStat *last);

/* The members of its directory, if it is one of them; else NULL. */
const DirOps *inode_members(Inode *inode);

/* Its path in the tree without a leading slash, with `name` (may be NULL) below it. Owned by the caller. */
char *inode_path(Inode *inode, const char *name);

/* Its present attributes. 0 or a negative errno. */
int inode_stat(Inode *inode, struct stat *out);
