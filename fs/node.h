/*
 * Nodes: what the kernel knows of the tree by number.
 *
 * Ownership: the kernel holds a node through its look-ups, until it forgets them; children and open files hold it through
 * node_ref(). It ends when nobody does. A node holds its parent.
 *
 * A directory or text file has one node for each name it is known by. Of a stream whose writes may wait every open for writing has a node
 * of its own: the kernel locks an inode over a direct write, so that one writer who waits would block all others of the same
 * inode, in write(2) and in open(2) with O_TRUNC, beyond the reach of SIGKILL. A look-up does not say what it is for, so it
 * is given a node that nobody has open for writing, one of the same user's; where two opens race for it, the second is told
 * ESTALE, upon which the kernel looks the name up once more, and now gets a node for that thread alone. (A new node at each
 * look-up would be simpler, but the kernel drops a name whose node has changed: a thousand threads that open one name at
 * once would then drop it for each other again and again.) An open memory file has a node that no later look-up finds, whatever
 * it is opened for: memory.c says why.
 */
#pragma once

#include "backends/core/backend.h"
#include "fs/fuse.h"

typedef struct Node {
	const FileDesc *desc;
	const DirOps *members; /* the nearest above that knows owner and rights; NULL outside objects */
	Object object;         /* Protected by the node lock: name; the rest never changes. */
	uint32_t slot, parent;
	uint32_t refs;    /* Protected by the node lock. Children and open files. */
	uint64_t lookups; /* Protected by the node lock. The kernel's. */
	uint32_t writers; /* Protected by the node lock. Open files of a stream that write, or any of memory. */
	uid_t uid;        /* a stream's or memory's: whose look-ups find it */
	bool indexed;     /* Protected by the node lock. It is found by its name. */
	int sized;        /* atomic: a stream open for writing: see stream.c, "Writers that share a descriptor" */
	bool removed;     /* Protected by the node lock. A SPECIAL without a name, of which fstat still tells: `last` */
	ObjectStat last;
} Node;

/* What a name in a directory is, before it has a node. */
typedef struct Found {
	const FileDesc *desc;
	const DirOps *members;
	Object object;
} Found;

/*
 * Whether those who open such a file are kept apart, each on a node of its own. Where nothing ever waits nobody can keep
 * anybody waiting.
 */
static inline bool node_parts_openers(const FileDesc *desc)
{
	return (desc->kind == STREAM && desc->stream->wait) || desc->kind == MEMORY;
}

/* Whether it is a row of members, not of a fixed name. */
static inline bool desc_is_member(const FileDesc *desc)
{
	return !desc->name;
}

void node_start(const FileDesc *root);

/* The node with this number, which the kernel knows, or which is held. */
Node *node_get(fuse_ino_t ino);

/* Looks `name` up in a directory. 0 or a negative errno. */
int node_find(Node *directory, const char *name, Found *out);

/* What a member of `directory` is. */
Found node_member(Node *directory, const Object *object);

/* What the fixed name `row` of a directory is. */
Found node_fixed(Node *directory, const FileDesc *desc);

/* Calls `each` for the fixed names of a directory. */
void node_each_desc(const FileDesc *directory, void (*each)(void *data, const FileDesc *desc), void *data);

/* The node of what this user's thread has found, held once more by the kernel's look-up. NULL: too many nodes. */
Node *node_enter(Node *directory, const Found *found, uid_t uid, pid_t thread);

/*
 * A thread opens a stream for writing, or memory, which no later look-up is to find. False: somebody else has opened this stream;
 * the thread's next look-up of that name gives it a node of its own; if it comes back to this very one, it is granted.
 */
bool node_writer_begin(Node *node, pid_t thread);

/* Such an open has ended. */
void node_writer_end(Node *node);

void node_forget(Node *node, uint64_t lookups);
void node_ref(Node *node);
void node_unref(Node *node);

/* Whether a file has it open; not of a directory. */
bool node_is_open(Node *node);

/* The object it stands for, as it is now. */
Object node_object(Node *node);

/* What was found has a new name now; if it has a node, that is found under the new name from now on. */
void node_rename(Node *directory, const Found *found, const char *name);

/* What was found, a SPECIAL, has lost its name; if it has a node, that keeps these attributes. */
void node_remove(Node *directory, const Found *found, const ObjectStat *last);

/* The DirOps that `node` is one of, or NULL. */
const DirOps *node_is_member(Node *node);

/* Its path in the tree without a leading slash; with `name` (may be NULL) below it. Owned by the caller. */
char *node_path(Node *node, const char *name);

/* Its attributes now. 0 or a negative errno. */
int node_stat(Node *node, struct stat *out);

/* The attributes of what was found, whose object's owner and times are `stat` (NULL outside objects). */
void node_fill_stat(const Found *found, const ObjectStat *stat, struct stat *out);
