/*
 * Empty messages on their way.
 *
 * A thread that waits for a message does so with a msgrcv of size 0: the kernel wakes it with E2BIG and leaves the message
 * where it is. Only an empty message does fit, and is taken (ipc/msg.c, pipelined_send). Such a one is kept here until the
 * reader that was waited for takes it, which is at once; if that reader has gone meanwhile, the message goes back into the
 * queue for whoever reads it next, natively or here.
 *
 * Locking: `lock` guards `kept`; `count` lets the usual case, none at all, pass without it.
 */
#include <errno.h>

#include "backends/sysv/msg.h"

typedef struct Empty {
	int id;
	long type;
} Empty;

static GMutex lock;
static GQueue kept = G_QUEUE_INIT; /* Protected by lock. Empty, owned, oldest first. */
static int count;                  /* its length; atomic */

void sysv_msg_empty_keep(int id, long type)
{
	Empty *empty = g_new(Empty, 1);

	*empty = (Empty){.id = id, .type = type};
	g_mutex_lock(&lock);
	g_queue_push_tail(&kept, empty);
	g_mutex_unlock(&lock);
	g_atomic_int_inc(&count);
}

/* Called with lock held. */
static GList *find(const Object *object)
{
	for (GList *link = kept.head; link; link = link->next) {
		const Empty *empty = link->data;

		if (empty->id == object->id && sysv_msg_selects(object, empty->type))
			return link;
	}
	return NULL;
}

bool sysv_msg_empty_take(const Object *object, long *type)
{
	g_autofree Empty *empty = NULL;
	GList *link;

	if (g_atomic_int_get(&count) == 0)
		return false;
	g_mutex_lock(&lock);
	link = find(object);
	if (link) {
		empty = link->data;
		g_queue_delete_link(&kept, link);
	}
	g_mutex_unlock(&lock);
	if (!empty)
		return false;
	g_atomic_int_add(&count, -1);
	*type = empty->type;
	return true;
}

bool sysv_msg_empty_there(const Object *object)
{
	bool there;

	if (g_atomic_int_get(&count) == 0)
		return false;
	g_mutex_lock(&lock);
	there = find(object) != NULL;
	g_mutex_unlock(&lock);
	return there;
}

void sysv_msg_empty_return(int id)
{
	const Object whole = {.id = id};
	long type;

	while (sysv_msg_empty_take(&whole, &type)) {
		struct msgbuf *message = sysv_msg_scratch(0);

		message->mtype = type;
		if (msgsnd(id, message, 0, IPC_NOWAIT) == 0)
			continue;
		if (errno != EAGAIN)
			continue; /* the queue is gone, and its messages with it */
		sysv_msg_empty_keep(id, type);
		return;
	}
}
