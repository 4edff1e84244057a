/*
 * sysv/msg: System V message queues. The files that send and receive messages, and the directory.
 *
 * A waiting reader blocks in a msgrcv of size 0, which returns when a message arrives and leaves the message in the queue
 * (msg_empty.h has the exception). There is one waiter thread for each queue and selection that readers wait for. No such call
 * exists for the room that a message needs, so a waiting writer blocks in msgsnd itself. Writers of messages of one length wait
 * one behind the other on one thread, because room for one message is room for the next.
 *
 * No lock: the kernel keeps all state, apart from the empty messages.
 */
#include "backends/sysv/msg.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "backends/common/queue.h"
#include "backends/core/refusal.h"
#include "backends/sysv/msg_attributes.h"
#include "backends/sysv/msg_call.h"
#include "backends/sysv/msg_empty.h"
#include "backends/sysv/msg_peek.h"

/* -- Messages ---------------------------------------------------------------------------------------------------- */

static ssize_t receive_message(Handle *handle, char *buf, size_t room, Mark *mark, BlockMode block)
{
	const Object *object = &handle->object;
	int flags = sysv_msg_msgflg(object) | (block == NONBLOCK ? IPC_NOWAIT : 0);
	struct msgbuf *message = sysv_msg_scratch(room);
	long type;
	ssize_t n;

	if (sysv_msg_empty_take(object, &type)) {
		mark->number = type;
		return 0;
	}
	n = msgrcv((int)object->id, message, room, sysv_msg_msgtyp(object), flags);
	if (n < 0)
		return errno == ENOMSG ? -EAGAIN : sysv_removed(errno);
	memcpy(buf, message->mtext, (size_t)n);
	mark->number = message->mtype;
	return n;
}

/* The result of a msgsnd that failed with EINVAL or EAGAIN: EMSGSIZE if the message is too large for any queue or for this one. */
static int explain_refusal(const Object *object, int error, size_t length)
{
	SysvStat stat;
	size_t largest = sysv_msg_max();
	int result = sysv_load(&sysv_msg_type, object, &stat);

	if (result < 0)
		return result;
	if (length > largest)
		return refuse(EMSGSIZE, "message has %zu bytes (limits/msgmax %zu): send a smaller one", length,
			      largest);
	if (length > stat.msg.msg_qbytes)
		return refuse(EMSGSIZE, "message has %zu bytes (qbytes %lu): raise qbytes or send a smaller one",
			      length, (unsigned long)stat.msg.msg_qbytes);
	return -error;
}

static int send_message(Handle *handle, const Mark *mark, const char *bytes, size_t length, BlockMode block)
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

static ssize_t largest_message(Handle *handle)
{
	return (ssize_t)sysv_msg_max();
}

static int64_t count_queued(Handle *handle)
{
	SysvStat stat;
	int result = sysv_load(&sysv_msg_type, &handle->object, &stat);

	return result < 0 ? result : (int64_t)stat.msg.msg_qnum;
}

static void default_mark(const Handle *handle, Mark *out)
{
	out->number = handle->object.select == SELECT_TYPE ? handle->object.part : 1;
}

/* -- Waiting -------------------------------------------------------------------------------------------------------- */

/* Wait.key of a reader. */
enum { KEY_ID, KEY_PART, KEY_SELECT };

static Object object_of_wait(const Wait *wait)
{
	return (Object){.id = wait->key[KEY_ID], .part = wait->key[KEY_PART], .select = (int32_t)wait->key[KEY_SELECT]};
}

/*
 * 0 if the queue has a message that the object selects, which stays there or is kept (msg_empty.h). `flags` is 0 to wait for
 * one, or IPC_NOWAIT.
 */
static int probe_queue(const Object *object, int flags)
{
	struct msgbuf message;

	if (msgrcv((int)object->id, &message, 0, sysv_msg_msgtyp(object), sysv_msg_msgflg(object) | flags) == 0)
		sysv_msg_empty_keep((int)object->id, message.mtype);
	else if (errno != E2BIG)
		return errno == ENOMSG ? -EAGAIN : sysv_removed(errno);
	return 0;
}

/* Wait.ready: runs on a waiter thread and sleeps until a message arrives. */
static int wait_for_message(const Wait *wait)
{
	const Object object = object_of_wait(wait);

	return sysv_msg_empty_exists(&object) ? 0 : probe_queue(&object, 0);
}

/* Wait.over: no reader waits any more. */
static void return_empty_messages(const Wait *wait)
{
	sysv_msg_empty_return((int)wait->key[KEY_ID]);
}

static void describe_wait(Handle *handle, Direction direction, size_t size, Wait *out)
{
	const Object *object = &handle->object;

	if (direction == READING)
		*out = (Wait){
			.how = WAIT_READY,
			.ready = wait_for_message,
			.over = return_empty_messages,
			.key = {[KEY_ID] = object->id, [KEY_PART] = object->part, [KEY_SELECT] = object->select},
		};
	else
		*out = (Wait){
			.how = WAIT_CALL,
			/* Writers of lines and records send messages of any length and keep state, so that each waits alone. */
			.key = {object->id, (int64_t)size, -1,
				handle->desc->stream->whole_writes ? 0 : (int64_t)(intptr_t)handle},
		};
}

static int poll_events(Handle *handle)
{
	const Object *object = &handle->object;
	SysvStat stat;
	const struct msqid_ds *ds = &stat.msg;
	int events = 0;

	if (sysv_load(&sysv_msg_type, object, &stat) < 0)
		return POLLERR | POLLHUP | POLLIN | POLLRDNORM;
	if (handle_writes(handle) && ds->__msg_cbytes < ds->msg_qbytes && ds->msg_qnum < ds->msg_qbytes)
		events |= POLLOUT | POLLWRNORM;
	if (handle_reads(handle) &&
	    (sysv_msg_empty_exists(object) ||
	     (ds->msg_qnum > 0 && (object->select == SELECT_ALL || probe_queue(object, IPC_NOWAIT) == 0))))
		events |= POLLIN | POLLRDNORM;
	return events;
}

/* poll_events() may have taken an empty message out of the queue. */
static void close_handle(Handle *handle)
{
	sysv_msg_empty_return((int)handle->object.id);
}

static const Queue msg_queue = {
	.receive = receive_message,
	.send = send_message,
	.largest = largest_message,
	.queued = count_queued,
	.mark = default_mark,
	.mark_name = "TYPE",
	.mark_min = 1,
	.mark_max = LONG_MAX,
	.poll = poll_events,
	.wait = describe_wait,
	.close = close_handle,
};

/* -- The directory -------------------------------------------------------------------------------------------------- */

static const DirOps msg_members = {
	.context = &sysv_msg_type,
	.list = sysv_list,
	.lookup = sysv_lookup,
	.create = sysv_create,
	.remove = sysv_remove,
	.rename = sysv_rename,
	.stat = sysv_stat,
	.set = sysv_set,
	.permit = sysv_permit,
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

static const FileDesc queue_files[] = {
	MESSAGE_FILES,
	{.name = "type", .kind = DIRECTORY, .members = &sysv_msg_types, .member = &selection},
	STATUS(&sysv_msg_attributes),
	ATTRIBUTE("key", 0444, &sysv_msg_attributes),
	ATTRIBUTE("id", 0444, &sysv_msg_attributes),
	ATTRIBUTE("qnum", 0444, &sysv_msg_attributes),
	ATTRIBUTE("cbytes", 0444, &sysv_msg_attributes),
	ATTRIBUTE("qbytes", 0644, &sysv_msg_attributes),
	ATTRIBUTE("lspid", 0444, &sysv_msg_attributes),
	ATTRIBUTE("lrpid", 0444, &sysv_msg_attributes),
	ATTRIBUTE("stime", 0444, &sysv_msg_attributes),
	ATTRIBUTE("rtime", 0444, &sysv_msg_attributes),
	ATTRIBUTE("ctime", 0444, &sysv_msg_attributes),
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
