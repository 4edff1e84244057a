/*
 * Conversations: sockets with a name and a directory, which ctl is told what to do with. socket_conversation.c says how
 * their parts get along.
 */
#pragma once

#include "backends/common/registry.h"
#include "backends/socket/socket.h"
#include "backends/socket/options.h"

/* What a verb of ctl has begun. */
typedef struct Pending Pending;
typedef struct Conversation Conversation;

typedef struct PendingOps {
	/* Takes it away from its conversation and marks it ended. Called with the conversation lock held. */
	Pending *(*take)(Conversation *conversation);
	/* Wakes the requests that wait for it and drops the reference that take() returned. Called without the lock. */
	void (*ended)(Pending *pending);
} PendingOps;

struct Pending {
	const PendingOps *ops;
};

/* One that is still there, as the announced conversation lists it. */
typedef struct Call {
	Entry *entry; /* the announced conversation; held */
	GList link;   /* Protected by the conversation lock: of its calls */
	char peer[];  /* who called, a line without its newline */
} Call;

typedef enum Stage { STAGE_IDLE, STAGE_BOUND, STAGE_ANNOUNCED, STAGE_CONNECTED } Stage;

struct Conversation {
	const Network *network;
	int protocol;
	Registry *table;
	uid_t maker; /* to whom it is charged */
	Options options;

	/* Protected by the conversation lock. */
	bool cloned;  /* it goes with its last open file */
	bool removed; /* it has lost its name */
	int files;    /* open files that hold it */
	Stage stage;
	Socket *socket;   /* held; NULL when idle */
	Pending *pending; /* held; the verb that is under way, NULL: none */
	Call *call;       /* owned; what its socket was accepted as, NULL: it was not */
	int error;        /* the last one met, positive; 0: none */
	bool late;        /* nobody waited for that error */
	int64_t accepted; /* how many connections so far */
	GQueue calls;     /* Call: those that are still there */
};

static inline Conversation *conversation_of(const Entry *entry)
{
	return entry->data;
}

/*
 * Guards the fields above, and what the other files of conversations say. A leaf, held for a few instructions. (A
 * socket's counter may be raised under it, not lowered: the last one closes.)
 */
extern GMutex conversation_lock;

/* The conversation of this object, held; NULL: it has ended, or is a node. */
Entry *conversation_get(const Object *object);
void conversation_unref(Entry *entry);

/*
 * A new conversation in the directory `at`, owned by whom the thread plays. `name` NULL: the lowest number that is
 * free; then it has one open file already, and goes with the last one. 0 and it is held, or as registry_add().
 */
int conversation_make(const Object *at, const char *name, mode_t mode, Entry **out);

/* One more open file of it. 0, or -ENOENT: it has lost its name. */
int conversation_open(Entry *entry);

/* One less. Takes the caller's hold, too. */
void conversation_close(Entry *entry);

/* Its socket, held, or NULL; *stage (may be NULL) is what it is then. */
Socket *conversation_socket(const Entry *entry, Stage *stage);

/* The bytes that can be read. */
int64_t conversation_queued(const Entry *entry);

/* Ends whatever it is about: it is idle again, and who waits is woken. */
void conversation_hang_up(Entry *entry);

/* The same, if this is its socket: nothing else is touched. */
void conversation_drop(Entry *entry, const Socket *socket);

void call_free(Call *call); /* NULL is fine */

/* How to wait for a change, which conversation_wake() tells. */
void conversation_wait(const Entry *entry, Wait *out);
void conversation_wake(const Entry *entry);

/* The protocols below socket/ip that have conversations: calls `each` with their numbers. */
void conversation_protocols(void (*each)(void *data, int protocol), void *data);

/* Where the conversations of this object's directory are. */
Registry *conversation_table(const Object *object);

/* -- Between socket_conversation.c and socket_members.c --------------------------------------------------------------- */

/* It has lost its name by registry_remove(), which was `name`. */
void conversation_removed(Entry *entry, const char *name);

/* A number may have become free. */
void conversation_name_freed(Registry *table, const char *name);
