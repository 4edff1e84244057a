/*
 * posix/mq: what the daemon knows about queues beside the kernel: which queues streams have open, which queues are being
 * replaced, and which queue replaced which. All functions may be called from any thread; none sleeps.
 */
#pragma once

#include "backends/core/backend.h"

/* A queue that streams have open. All streams with the same access mode share one PosixMq and one descriptor. */
typedef struct PosixMq {
	int mqd; /* O_NONBLOCK */
	int access;
	int64_t inode;
	char name[NAME_MAX + 1]; /* at the time of the open */
	int refs;                /* Protected by the table lock. */
} PosixMq;

/* -- Waiting -------------------------------------------------------------------------------------------------------- */

/* The key under which requests wait for the queue (Wait.key). OPENING: for the end of its replacement. */
void posix_mq_key(int64_t inode, Direction direction, int64_t key[4]);

/* Wakes the requests that wait for the queue. */
void posix_mq_wake(int64_t inode);

/* Wakes the requests that wait for any open queue that had this name. NULL: for every open queue. */
void posix_mq_wake_name(const char *name);

/* -- Open queues ---------------------------------------------------------------------------------------------------- */

/* The open queue, with one more reference; NULL: no stream has it open with this access mode. */
PosixMq *posix_mq_hold(int64_t inode, int access);

/* Drops a reference; the last one closes the queue. */
void posix_mq_release(PosixMq *queue);

typedef enum PosixMqOpening {
	MQ_HELD,    /* it is open already, and *out holds it */
	MQ_OPENING, /* the caller opens it; it is not replaced before posix_mq_opening_end() */
	MQ_REPLACED /* it is being replaced: wait with the key for OPENING */
} PosixMqOpening;

PosixMqOpening posix_mq_opening_begin(int64_t inode, int access, PosixMq **out);

/*
 * Ends what returned MQ_OPENING. `queue`, NULL: none, is the queue that was opened. Takes ownership of it and returns it, or the same
 * queue as another thread has opened it meanwhile, with a reference for the caller.
 */
PosixMq *posix_mq_opening_end(int64_t inode, PosixMq *queue);

/* -- Replacement ---------------------------------------------------------------------------------------------------- */

/* A queue that another queue is about to replace under its name. */
typedef struct PosixMqReplaced {
	const char *name;
	int64_t inode;
	int mqd;
} PosixMqReplaced;

/*
 * From here to posix_mq_replace_end(), no stream opens the queue, and the tree shows it even while its name does not exist.
 * `replaced` must stay valid until then. 0; -EBUSY: a stream has the queue open; -EAGAIN: a queue of this name is being replaced
 * already. The new queue is a queue of this name, too: it cannot be replaced before its renumbering is noted.
 */
int posix_mq_replace_begin(PosixMqReplaced *replaced);
void posix_mq_replace_end(PosixMqReplaced *replaced);

/* A number that changes when a queue is renumbered and when a replacement ends. A look-up that found nothing tries again if it has changed. */
unsigned posix_mq_generation(void);

/* A descriptor of the queue with this inode (0: with this name) if it is being replaced; the caller closes it. Else -ENOENT. */
int posix_mq_replaced(const char *name, int64_t inode);

/* -- Renumbering ---------------------------------------------------------------------------------------------------- */

/* Notes that the queue with inode `to` has replaced the queue with inode `from`. */
void posix_mq_renumber(int64_t from, int64_t to);

/* The inode of the queue that the object means: its own, or that of the queue that has replaced it. */
int64_t posix_mq_inode(const Object *object);

/* Whether the queue with this inode was replaced. */
bool posix_mq_is_renumbered(int64_t inode);

/* Notes that the kernel has given this inode number to a new queue. */
void posix_mq_forget_renumbering(int64_t inode);
