/* Locking: `lock` protects `kept`. `count` is read without it, so that the usual case, no kept message, takes no lock. */
#include "backends/sysv/msg_empty.h"

#include <errno.h>

#include "backends/sysv/msg_call.h"

typedef struct Empty {
	int id;
	long type;
} Empty;

static GMutex lock;                /* "the empty-message lock" */
static GQueue kept = G_QUEUE_INIT; /* Protected by lock. Empty, owned, oldest first. */
static int count;                  /* the length of `kept`; atomic */

void sysv_msg_empty_keep(int id, long type)
{
	Empty *empty = g_new(Empty, 1);

	*empty = (Empty){.id = id, .type = type};
	g_mutex_lock(&lock);
	g_queue_push_tail(&kept, empty);
	g_mutex_unlock(&lock);
	g_atomic_int_inc(&count);
}

/* The link of the oldest message that the object selects, or NULL. Called with lock held. */
static GList *find_selected(const Object *object)
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
	link = find_selected(object);
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

bool sysv_msg_empty_exists(const Object *object)
{
	bool exists;

	if (g_atomic_int_get(&count) == 0)
		return false;
	g_mutex_lock(&lock);
	exists = find_selected(object) != NULL;
	g_mutex_unlock(&lock);
	return exists;
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
			continue; /* the queue was removed, and its messages with it */
		sysv_msg_empty_keep(id, type);
		return;
	}
}
