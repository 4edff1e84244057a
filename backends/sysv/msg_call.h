/* System V message queues: what the files of sysv/msg need to call msgsnd(2), msgrcv(2) and msgctl(2). */
#pragma once

#include "backends/sysv/ipc.h"

extern const SysvType sysv_msg_type;

/* Object.select, below type/: which messages Object.part selects. N, upto-N, except-N; see msgrcv(2), msgtyp and MSG_EXCEPT. */
enum { SELECT_ALL, SELECT_TYPE, SELECT_UPTO, SELECT_EXCEPT };

/* The msgtyp argument and the flags of a msgrcv that receives what the object selects. */
long sysv_msg_msgtyp(const Object *object);
int sysv_msg_msgflg(const Object *object);

/* Whether the object selects messages of this type. */
bool sysv_msg_selects(const Object *object, long type);

/* msgmax: the number of bytes of the largest message that any queue accepts. */
size_t sysv_msg_max(void);

/* The calling thread's message buffer, with room for `size` bytes of text. It is valid until the thread's next call. */
struct msgbuf *sysv_msg_scratch(size_t size);
