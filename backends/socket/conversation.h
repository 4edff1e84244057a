/*
 * Conversations: sockets with a name and a directory, controlled by the verbs of ctl. conversation.c describes how
 * their parts work together.
 */
#pragma once

#include "backends/common/registry.h"
#include "backends/socket/options.h"
#include "backends/socket/socket.h"

/* A verb of ctl in progress. operation.c implements it as a SocketOp. */
typedef struct Pending Pending;
typedef struct Conversation Conversation;

typedef struct PendingOps {
	/* Takes it from its conversation, which has one, and marks it ended. Called with the conversation lock held. */
	Pending *(*take)(Conversation *conversation);
	/* Wakes the requests that wait for it and drops the reference that take() returned. Called without the lock. */
	void (*ended)(Pending *pending);
} PendingOps;

struct Pending {
	const PendingOps *ops;
};

/* An accepted connection that is still open, as `peer` of the announced conversation lists it. */
typedef struct Accepted {
	Entry *entry; /* a reference to the announced conversation */
	GList link;   /* Protected by the conversation lock. In Conversation.accepted. */
	char peer[];  /* the other end, without a newline */
} Accepted;

typedef enum Stage { STAGE_IDLE, STAGE_BOUND, STAGE_ANNOUNCED, STAGE_CONNECTED } Stage;

struct Conversation {
	const Network *network;
	int protocol;
	Registry *registry;
	uid_t maker; /* the charged user */
	Options options;

	/* Protected by the conversation lock. */
	bool cloned;  /* it ends with its last open file */
	bool removed; /* it has lost its name */
	int files;    /* number of open files */
	Stage stage;
	Socket *socket;         /* a reference; NULL when idle */
	Pending *pending;       /* a reference to the verb in progress; or NULL */
	Accepted *accepted_as;  /* owned; the accepted connection that its socket is; or NULL */
	int error;              /* the last error, positive; 0: none */
	bool unreported;        /* no request waited for that error */
	int64_t accepted_count; /* number of connections accepted so far */
	GQueue accepted;        /* Accepted: the connections that are still open */
};

static inline Conversation *conversation_of(const Entry *entry)
{
	return entry->data;
}

/*
 * Protects the fields above, and fields of other files of this folder that say so. A leaf lock, held for a few
 * instructions. The reference count of a socket may be raised under it, but not lowered, because the last unref closes
 * the socket.
 */
extern GMutex conversation_lock;

/* The conversation of this object, with a reference. NULL: it has ended, or the object is a node. */
Entry *conversation_get(const Object *object);
void conversation_unref(Entry *entry);

/*
 * Makes a conversation in `directory`, owned by the thread's effective ids. With `name` NULL it gets the lowest free
 * number, counts one open file already, and ends with the last one. 0 with a reference, or an error as of
 * registry_add().
 */
int conversation_make(const Object *directory, const char *name, mode_t mode, Entry **out);

/* Counts one more open file. 0, or -ENOENT: the conversation has lost its name. */
int conversation_open(Entry *entry);

/* Counts one less, and drops the calling function's reference. */
void conversation_close(Entry *entry);

/* Its socket, with a reference; or NULL. *stage (may be NULL) is the stage of the same moment. */
Socket *conversation_socket(const Entry *entry, Stage *stage);

/* The number of bytes that can be read. */
int64_t conversation_queued(const Entry *entry);

/* Ends the connection and the verb in progress. The conversation is idle again, and waiting requests are woken. */
void conversation_hang_up(Entry *entry);

/* The same, but only if `socket` is the conversation's socket. */
void conversation_drop(Entry *entry, const Socket *socket);

void accepted_free(Accepted *accepted); /* NULL is allowed */

/* How to wait for a change of the conversation, which conversation_wake() announces. */
void conversation_wait(const Entry *entry, Wait *out);
void conversation_wake(const Entry *entry);

/* Calls `each` with the number of each protocol below socket/ip that has conversations. */
void conversation_protocols(void (*each)(void *data, int protocol), void *data);

/* The registry of the directory that this object belongs to. */
Registry *conversation_registry(const Object *object);

/* -- For members.c ------------------------------------------------------------------------------------------------- */

/* After registry_remove(): the conversation has lost its name, which was `name`. */
void conversation_removed(Entry *entry, const char *name);

/* Notes that a name, which may be a number, is free again. */
void conversation_name_freed(Registry *registry, const char *name);
