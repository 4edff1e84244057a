/*
 * The calls for System V queues (msg_call.h). The other msg files call it. There is no lock: each thread has a
 * message buffer of its own.
 */
#include "backends/sysv/msg_call.h"

enum { SCRATCH_MIN = 16384 };

/* -- The type of object ------------------------------------------------------------------------------------------------ */

static int queue_get(key_t key, int flags)
{
	return msgget(key, flags);
}

static int queue_control(int id, int command, void *argument)
{
	return msgctl(id, command, argument);
}

static void queue_fill_stat(const SysvStat *stat, ObjectStat *out)
{
	const struct msqid_ds *ds = &stat->msg;

	out->size = (off_t)ds->__msg_cbytes;
	out->atime = ds->msg_rtime;
	out->mtime = MAX(MAX(ds->msg_stime, ds->msg_rtime), ds->msg_ctime);
	out->ctime = ds->msg_ctime;
}

const SysvType sysv_msg_type = {
	.word = "msg",
	.limit = "msgmni",
	.get = queue_get,
	.control = queue_control,
	.stat_any = MSG_STAT_ANY,
	.info = MSG_INFO,
	.fill = queue_fill_stat,
};

/* -- Selection --------------------------------------------------------------------------------------------------------- */

long sysv_msg_msgtyp(const Object *object)
{
	return object->select == SELECT_UPTO ? -object->part : object->part;
}

int sysv_msg_msgflg(const Object *object)
{
	return object->select == SELECT_EXCEPT ? MSG_EXCEPT : 0;
}

bool sysv_msg_selects(const Object *object, long type)
{
	switch (object->select) {
	case SELECT_TYPE:
		return type == object->part;
	case SELECT_UPTO:
		return type <= object->part;
	case SELECT_EXCEPT:
		return type != object->part;
	default:
		return true;
	}
}

/* -- Messages ---------------------------------------------------------------------------------------------------------- */

size_t sysv_msg_max(void)
{
	struct msginfo info;

	return msgctl(0, IPC_INFO, (struct msqid_ds *)&info) < 0 ? 0 : (size_t)info.msgmax;
}

struct msgbuf *sysv_msg_scratch(size_t size)
{
	static GPrivate key = G_PRIVATE_INIT(g_free);
	static _Thread_local size_t room;
	struct msgbuf *scratch = g_private_get(&key);

	if (!scratch || size > room) {
		room = MAX(size, SCRATCH_MIN);
		g_free(scratch);
		scratch = g_malloc(sizeof(struct msgbuf) + room);
		g_private_set(&key, scratch);
	}
	return scratch;
}
