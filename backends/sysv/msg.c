/*
 * sysv/msg: System V message queues.
 *
 * Reading waits on a thread of its own for each (queue, selection): a msgrcv of size 0 sleeps until a message is there and
 * leaves it (sysv_msg_empty.c has the exception). For room to send there is no such call, so a writer that has to wait
 * does the msgsnd itself on a waiter thread; writers of messages of one length wait in one line, since room for one is
 * room for the next.
 */
#include "backends/sysv/msg.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "backends/core/credentials.h"
#include "backends/common/queue.h"
#include "backends/core/refusal.h"

long sysv_msg_type(const Object *object)
{
	return object->select == SELECT_UPTO ? -object->part : object->part;
}

int sysv_msg_flags(const Object *object)
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

/* A handle's queue was there when it was opened, so EINVAL for its id means that it is gone and its slot free. */
static int removed(int error)
{
	return error == EINVAL ? -EIDRM : -error;
}

int sysv_msg_stat(const Object *object, struct msqid_ds *out)
{
	return msgctl((int)object->id, IPC_STAT, out) < 0 ? removed(errno) : 0;
}

size_t sysv_msg_max(void)
{
	struct msginfo info;

	return msgctl(0, IPC_INFO, (struct msqid_ds *)&info) < 0 ? 0 : (size_t)info.msgmax;
}

static void free_scratch(gpointer data)
{
	g_free(data);
}

struct msgbuf *sysv_msg_scratch(size_t size)
{
	static GPrivate key = G_PRIVATE_INIT(free_scratch);
	static _Thread_local size_t room;
	struct msgbuf *scratch = g_private_get(&key);

	if (!scratch || size > room) {
		room = MAX(size, 16384);
		g_free(scratch);
		scratch = g_malloc(sizeof(struct msgbuf) + room);
		g_private_set(&key, scratch);
	}
	return scratch;
}

/* -- One message ---------------------------------------------------------------------------------------------------- */

static ssize_t receive(Handle *handle, char *buf, size_t room, Mark *mark, BlockMode block)
{
	const Object *object = &handle->object;
	int flags = sysv_msg_flags(object) | (block == NONBLOCK ? IPC_NOWAIT : 0);
	struct msgbuf *message = sysv_msg_scratch(room);
	long type;
	ssize_t n;

	if (sysv_msg_empty_take(object, &type)) {
		mark->number = type;
		return 0;
	}
	n = msgrcv((int)object->id, message, room, sysv_msg_type(object), flags);
	if (n < 0)
		return errno == ENOMSG ? -EAGAIN : removed(errno);
	memcpy(buf, message->mtext, (size_t)n);
	mark->number = message->mtype;
	return n;
}

/* Why msgsnd said EINVAL or EAGAIN: the message is too large for any queue, or for this one, or neither. */
static int explain_refusal(const Object *object, int error, size_t length)
{
	struct msqid_ds ds;
	size_t most = sysv_msg_max();
	int result = sysv_msg_stat(object, &ds);

	if (result < 0)
		return result;
	if (length > most)
		return refuse(EMSGSIZE, "the message has %zu bytes and limits/msgmax is %zu", length, most);
	if (length > ds.msg_qbytes)
		return refuse(EMSGSIZE, "the message has %zu bytes and the queue's qbytes is %lu", length,
			      (unsigned long)ds.msg_qbytes);
	return -error;
}

static int send(Handle *handle, const Mark *mark, const char *bytes, size_t length, BlockMode block)
{
	const Object *object = &handle->object;
	struct msgbuf *message = sysv_msg_scratch(length);

	message->mtype = mark->number;
	memcpy(message->mtext, bytes, length);
	if (msgsnd((int)object->id, message, length, block == NONBLOCK ? IPC_NOWAIT : 0) == 0)
		return 0;
	if (errno == EINVAL || errno == EAGAIN)
		return explain_refusal(object, errno, length);
	return -errno;
}

static ssize_t largest(Handle *handle)
{
	return (ssize_t)sysv_msg_max();
}

static int64_t queued(Handle *handle)
{
	struct msqid_ds ds;
	int result = sysv_msg_stat(&handle->object, &ds);

	return result < 0 ? result : (int64_t)ds.msg_qnum;
}

static void mark(const Handle *handle, Mark *out)
{
	out->number = handle->object.select == SELECT_TYPE ? handle->object.part : 1;
}

/* -- Waiting -------------------------------------------------------------------------------------------------------- */

enum { KEY_ID, KEY_PART, KEY_SELECT, KEY_WHO };

static Object object_of_wait(const Wait *wait)
{
	return (Object){.id = wait->key[KEY_ID], .part = wait->key[KEY_PART], .select = (int32_t)wait->key[KEY_SELECT]};
}

/* Returns 0 once a message that the object selects is there, which it leaves there; see sysv_msg_empty.c. */
static int probe(const Object *object, int flags)
{
	struct msgbuf message;

	if (msgrcv((int)object->id, &message, 0, sysv_msg_type(object), sysv_msg_flags(object) | flags) == 0)
		sysv_msg_empty_keep((int)object->id, message.mtype);
	else if (errno != E2BIG)
		return errno == ENOMSG ? -EAGAIN : removed(errno);
	return 0;
}

static int message_there(const Wait *wait)
{
	const Object object = object_of_wait(wait);

	return sysv_msg_empty_there(&object) ? 0 : probe(&object, 0);
}

static void readers_gone(const Wait *wait)
{
	sysv_msg_empty_return((int)wait->key[KEY_ID]);
}

static void wait_for(Handle *handle, Direction direction, size_t size, Wait *out)
{
	const Object *object = &handle->object;

	if (direction == READING)
		*out = (Wait){
			.how = WAIT_READY,
			.ready = message_there,
			.over = readers_gone,
			.key = {[KEY_ID] = object->id, [KEY_PART] = object->part, [KEY_SELECT] = object->select},
		};
	else
		*out = (Wait){
			.how = WAIT_CALL,
			/* lines and records send messages of any length, and keep state: a line of their own. */
			.key = {object->id, (int64_t)size, -1,
				handle->desc->stream->whole_writes ? 0 : (int64_t)(intptr_t)handle},
		};
}

static int poll_queue(Handle *handle)
{
	const Object *object = &handle->object;
	struct msqid_ds ds;
	int events = 0;

	if (sysv_msg_stat(object, &ds) < 0)
		return POLLERR | POLLHUP | POLLIN | POLLRDNORM;
	if (handle_writes(handle) && ds.__msg_cbytes < ds.msg_qbytes && ds.msg_qnum < ds.msg_qbytes)
		events |= POLLOUT | POLLWRNORM;
	if (handle_reads(handle) &&
	    (sysv_msg_empty_there(object) ||
	     (ds.msg_qnum > 0 && (object->select == SELECT_ALL || probe(object, IPC_NOWAIT) == 0))))
		events |= POLLIN | POLLRDNORM;
	return events;
}

/* An empty message that poll_queue() met and nobody read. */
static void close_queue(Handle *handle)
{
	sysv_msg_empty_return((int)handle->object.id);
}

static const Queue msg_queue = {
	.receive = receive,
	.send = send,
	.largest = largest,
	.queued = queued,
	.mark = mark,
	.mark_min = 1,
	.mark_max = LONG_MAX,
	.poll = poll_queue,
	.wait = wait_for,
	.close = close_queue,
};

/* -- The directory -------------------------------------------------------------------------------------------------- */

static void fill_stat(const struct msqid_ds *ds, int id, SysvStat *out)
{
	*out = (SysvStat){
		.id = id,
		.perm = ds->msg_perm,
		.stat =
			{
				.size = (off_t)ds->__msg_cbytes,
				.atime = ds->msg_rtime,
				.mtime = MAX(MAX(ds->msg_stime, ds->msg_rtime), ds->msg_ctime),
				.ctime = ds->msg_ctime,
			},
	};
	sysv_stat_owner(out);
}

static int get(key_t key, int flags)
{
	return msgget(key, flags);
}

static int stat_id(int id, SysvStat *out)
{
	struct msqid_ds ds;

	if (msgctl(id, IPC_STAT, &ds) < 0)
		return -errno;
	fill_stat(&ds, id, out);
	return 0;
}

static int stat_at(int index, SysvStat *out)
{
	struct msqid_ds ds;
	int id = msgctl(index, MSG_STAT_ANY, &ds);

	if (id < 0)
		return -errno;
	fill_stat(&ds, id, out);
	return 0;
}

static int highest(void)
{
	struct msginfo info;

	return msgctl(0, MSG_INFO, (struct msqid_ds *)&info);
}

static int remove_id(int id)
{
	return msgctl(id, IPC_RMID, NULL);
}

/* IPC_SET sets qbytes as well: as it was. */
static int set_perm(int id, const struct ipc_perm *perm)
{
	const Object object = {.id = id};
	struct msqid_ds ds;
	int result;

	creds_raise();
	result = sysv_msg_stat(&object, &ds);
	creds_lower();
	if (result < 0)
		return result;
	ds.msg_perm = *perm;
	return msgctl(id, IPC_SET, &ds) < 0 ? -errno : 0;
}

static const SysvType msg_type = {
	.word = "msg",
	.limit = "msgmni",
	.get = get,
	.stat = stat_id,
	.stat_at = stat_at,
	.highest = highest,
	.remove = remove_id,
	.set = set_perm,
};

static const DirOps msg_members = {
	.list = sysv_list,
	.lookup = sysv_lookup,
	.create = sysv_create,
	.remove = sysv_remove,
	.rename = sysv_rename,
	.stat = sysv_stat,
	.set = sysv_set,
	.permit = sysv_permit,
	.context = &msg_type,
};

#define MESSAGE_FILES                                                                                                 \
	{.name = "data", .kind = STREAM, .mode = 0666, .stream = &queue_data, .mechanism = &msg_queue},               \
		{.name = "next", .kind = STREAM, .mode = 0444, .stream = &queue_next, .mechanism = &msg_queue},       \
		{.name = "drain", .kind = STREAM, .mode = 0444, .stream = &queue_drain, .mechanism = &msg_queue},     \
		{.name = "lines", .kind = STREAM, .mode = 0666, .stream = &queue_lines, .mechanism = &msg_queue},     \
		{.name = "records", .kind = STREAM, .mode = 0666, .stream = &queue_records, .mechanism = &msg_queue}, \
	{                                                                                                             \
		.name = "peek", .kind = TEXT, .mode = 0444, .text = &sysv_msg_peek                                    \
	}

static const FileDesc selection_files[] = {MESSAGE_FILES, {0}};

static const FileDesc selection = {.kind = DIRECTORY, .files = selection_files};

#define ATTRIBUTE(file, field)                                                                        \
	{                                                                                             \
		.name = file, .kind = TEXT, .mode = 0444, .text = &sysv_msg_attribute, .which = field \
	}

static const FileDesc queue_files[] = {
	MESSAGE_FILES,
	{.name = "type", .kind = DIRECTORY, .members = &sysv_msg_types, .member = &selection},
	{.name = "status", .kind = TEXT, .mode = 0444, .text = &sysv_msg_status},
	ATTRIBUTE("key", MSG_KEY),
	ATTRIBUTE("id", MSG_ID),
	ATTRIBUTE("qnum", MSG_QNUM),
	ATTRIBUTE("cbytes", MSG_CBYTES),
	{.name = "qbytes", .kind = TEXT, .mode = 0644, .text = &sysv_msg_qbytes, .which = MSG_QBYTES},
	ATTRIBUTE("lspid", MSG_LSPID),
	ATTRIBUTE("lrpid", MSG_LRPID),
	ATTRIBUTE("stime", MSG_STIME),
	ATTRIBUTE("rtime", MSG_RTIME),
	ATTRIBUTE("ctime", MSG_CTIME),
	{0},
};

static const FileDesc queue = {.kind = DIRECTORY, .files = queue_files};

const FileDesc sysv_msg_desc = {
	.name = "msg",
	.kind = DIRECTORY,
	.mode = 01777,
	.members = &msg_members,
	.member = &queue,
};
