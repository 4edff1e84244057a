/* System V message queues, sysv/msg: what its files share. The directory itself is sysv_msg_row. */
#pragma once

#include <sys/msg.h>

#include "backends/core/backend.h"
#include "backends/sysv/ipc.h"

extern const FileDesc sysv_msg_desc;

/* How Object.part selects messages, below type/: N, upto-N, except-N; see msgrcv(2), msgtyp and MSG_EXCEPT. */
enum { SELECT_ALL, SELECT_TYPE, SELECT_UPTO, SELECT_EXCEPT };

/* The msgtyp argument and the flags of a msgrcv that takes what the object selects. */
long sysv_msg_type(const Object *object);
int sysv_msg_flags(const Object *object);

/* Whether the object selects messages of this type. */
bool sysv_msg_selects(const Object *object, long type);

/* IPC_STAT. 0, -EIDRM once the queue is gone, or another negative errno. */
int sysv_msg_stat(const Object *object, struct msqid_ds *out);

/* msgmax: the bytes of the largest message there can be. */
size_t sysv_msg_max(void);

/* A message as msgsnd and msgrcv want it: this thread's, with room for `size` bytes of text; valid until the next call. */
struct msgbuf *sysv_msg_scratch(size_t size);

/* Reads the messages queued, oldest first, without taking them; returns 0 or a negative errno. Takes long. */
typedef void (*SysvMsgSeen)(void *data, long type, const char *bytes, size_t length);
int sysv_msg_walk(const Object *object, SysvMsgSeen seen, void *data);

extern const TextOps sysv_msg_peek;
extern const DirOps sysv_msg_types; /* type/ */

/* -- Attributes (sysv_msg_attributes.c): the row's `which` says which ------------------------------------------------ */

enum {
	MSG_KEY,
	MSG_ID,
	MSG_QNUM,
	MSG_CBYTES,
	MSG_QBYTES,
	MSG_LSPID,
	MSG_LRPID,
	MSG_STIME,
	MSG_RTIME,
	MSG_CTIME,
	MSG_ATTRIBUTES
};

extern const TextOps sysv_msg_attribute, sysv_msg_qbytes, sysv_msg_status;

/* -- Empty messages (sysv_msg_empty.c) ------------------------------------------------------------------------------ */

/* Remembers that an empty message of this type was taken from the queue, on the way to its next reader. */
void sysv_msg_empty_keep(int id, long type);

/* Takes the oldest of them that the object selects. */
bool sysv_msg_empty_take(const Object *object, long *type);

/* Whether there is one. */
bool sysv_msg_empty_there(const Object *object);

/* Puts those of a queue back into it. What the queue has no room for is kept. */
void sysv_msg_empty_return(int id);
