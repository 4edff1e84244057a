/* POSIX message queues, posix/mq: what its files share. The directory itself is posix_mq_row. */
#pragma once

#include <mqueue.h>

#include "backends/core/backend.h"

extern const FileDesc posix_mq_desc;
extern const DirOps posix_mq_members;

/* Object.select: the whole queue; or below prio/, where Object.part is the priority of what is written. */
enum { MQ_WHOLE, MQ_PRIORITY };

/* -- Names (posix_mq_names.c) --------------------------------------------------------------------------------------- */

/* The directory of all queues of our IPC namespace, a descriptor that stays ours. -1: there is none to be had. */
int posix_mq_directory(void);

/* What a name stands for. 0, -ENOENT, or -EACCES where there is no directory and the queue lets nobody in. */
int posix_mq_find(const char *name, Object *out);

/* The attributes of the queue's inode. 0, -ENOENT once its name stands for no queue or another one; or -EACCES as above. */
int posix_mq_stat(const Object *object, struct stat *out);

/*
 * mq_open(3) of that very queue, with the rights that this thread has; `access` is O_RDONLY, O_WRONLY or O_RDWR, and nothing
 * done with the descriptor sleeps. The caller's to close. -ENOENT as above.
 */
int posix_mq_open(const Object *object, int access);

/* What only reading a queue's file tells (mq_overview(7)). */
typedef struct PosixMqReport {
	uint64_t qsize; /* bytes queued */
	bool registered; /* somebody is, for a notification; how (sigev_notify), by which signal, and who (0: not seen from here) */
	int notify, signo;
	pid_t pid;
} PosixMqReport;

/* Reads it from a descriptor that can be read. 0 or a negative errno. */
int posix_mq_report(int mqd, PosixMqReport *out);

/* -- Open queues (posix_mq_opened.c) -------------------------------------------------------------------------------- */

/* A queue that streams have open, with one descriptor for all who do so in the same way. */
typedef struct PosixMq {
	int mqd; /* O_NONBLOCK */
	int access;
	int64_t inode;
	char name[NAME_MAX + 1]; /* which it had when it was opened */
	int refs;                /* Protected by the lock of open queues. */
} PosixMq;

/*
 * Opens the queue, or finds it open. Held from then on. 0 or a negative errno; -EAGAIN: it is being replaced, and *inode is
 * that of the old one, under whose key for OPENING one is woken when that is over.
 */
int posix_mq_take(const Object *object, int access, PosixMq **out, int64_t *inode);
void posix_mq_give_back(PosixMq *queue);

/* fstat(2) and what can be read of a queue that a stream has open, by its inode. -ENOENT: none has. */
int posix_mq_stat_open(int64_t inode, struct stat *out, PosixMqReport *report);

/* Whether any stream has the queue with this inode open. */
bool posix_mq_is_open(int64_t inode);

/* A queue that another one is about to take the place of. */
typedef struct PosixMqReplaced {
	const char *name;
	int64_t inode;
	int mqd;
} PosixMqReplaced;

/*
 * From now to the end of it, whoever wants to open the queue waits, and its name stands for it, with or without the kernel
 * knowing that. The struct has to last as long. False: a stream has it open.
 */
bool posix_mq_replace_begin(PosixMqReplaced *replaced);
void posix_mq_replace_end(PosixMqReplaced *replaced);

/* A descriptor of the queue of this inode (0: of this name), while it is being replaced; the caller's to close. Else -ENOENT. */
int posix_mq_replaced(const char *name, int64_t inode);

/* The key of those who wait for the queue (Wait), and waking them all. */
void posix_mq_key(int64_t inode, Direction direction, int64_t key[4]);
void posix_mq_wake(int64_t inode);

/* Whether the queue has lost its name; it lasts until its last descriptor is closed. */
bool posix_mq_removed(int mqd);

/* -- Making (posix_mq_create.c) ------------------------------------------------------------------------------------- */

/* A queue to be made for the caller whom this thread plays. */
typedef struct PosixMqOrder {
	const char *name;
	mode_t mode;
	const struct mq_attr *attr; /* NULL: the kernel's defaults */
	bool trial;                 /* only find out whether it can be had */
	/*
	 * It takes the name of a queue: `before` are the attributes of that one and `replaces` a descriptor of it, -1: of none.
	 * Where `opened`, an inotify descriptor, has anything to tell, nothing is done (-ESTALE). Where a message has come
	 * into the old queue up to the moment it lost its name, the new one is like it (-EBUSY, and *inode is set).
	 */
	int replaces, opened;
	const struct mq_attr *before;
} PosixMqOrder;

/* Makes it; *inode: which one that is, 0 if none was made. 0 or a negative errno, the reason noted. May take long. */
int posix_mq_make(const PosixMqOrder *order, int64_t *inode);

int posix_mq_create(const char *name, mode_t mode, Object *out);

/* -- Attributes (posix_mq_attributes.c): the row's `which` says which ------------------------------------------------ */

enum { MQ_MAXMSG, MQ_MSGSIZE, MQ_CURMSGS, MQ_QSIZE, MQ_NOTIFY, MQ_ATTRIBUTES };

extern const TextOps posix_mq_attribute, posix_mq_size, posix_mq_status;

/* -- Another size (posix_mq_remake.c) ------------------------------------------------------------------------------- */

/* Gives an empty queue that nobody uses another maxmsg or msgsize: it is made anew, as the caller. Takes long. */
int posix_mq_remake(const Object *object, int which, int64_t value);

/* The inode of the queue that the object stands for: its own, or that of what it was made into. */
int64_t posix_mq_inode(const Object *object);

/* Whether another queue was made of the one that had this inode. */
bool posix_mq_has_moved(int64_t inode);

/* It was not: another queue has that number now. */
void posix_mq_lives(int64_t inode);
