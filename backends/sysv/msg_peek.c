/*
 * `peek` and type/ of a System V queue (msg_peek.h). fs/ calls the functions through the tables in msg.c. There is no lock.
 */
#include "backends/sysv/msg_peek.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backends/common/queue.h"
#include "backends/core/host.h"
#include "backends/core/parse.h"
#include "backends/core/refusal.h"
#include "backends/sysv/msg_call.h"

typedef void (*MessageSeen)(void *data, long type, const char *bytes, size_t length);

/*
 * Calls `seen` for each queued message that the object selects, oldest first. Returns 0 or a negative errno. Runs on a worker:
 * the kernel counts from the first message in each call, so the time grows with the square of the queue's length.
 */
static int walk(const Object *object, MessageSeen seen, void *data)
{
	size_t room = sysv_msg_max();
	struct msgbuf *message = sysv_msg_scratch(room);

	for (long position = 0;; position++) {
		ssize_t length;

		if (host_interrupted())
			return -EINTR;
		length = msgrcv((int)object->id, message, room, position, MSG_COPY | IPC_NOWAIT | MSG_NOERROR);
		if (length < 0 && errno == ENOMSG)
			return 0;
		if (length < 0 && errno == ENOSYS)
			return refuse(ENOSYS, "kernel has no MSG_COPY: use one with CONFIG_CHECKPOINT_RESTORE");
		if (length < 0)
			return sysv_removed(errno);
		if (sysv_msg_selects(object, message->mtype))
			seen(data, message->mtype, message->mtext, (size_t)length);
	}
}

/* -- peek -------------------------------------------------------------------------------------------------------------- */

static void print_record(void *data, long type, const char *bytes, size_t length)
{
	queue_print_record(data, type, bytes, length);
}

static int peek_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	return walk(object, print_record, out);
}

const TextOps sysv_msg_peek = {.show = peek_show, .slow = true};

/* -- type/ ------------------------------------------------------------------------------------------------------------- */

static void note_type(void *data, long type, const char *bytes, size_t length)
{
	g_hash_table_add(data, GSIZE_TO_POINTER((gsize)type));
}

static int types_list(const void *context, const Object *directory, MemberSeen seen, void *data)
{
	g_autoptr(GHashTable) types = g_hash_table_new(NULL, NULL);
	GHashTableIter iter;
	gpointer type;
	int result = walk(directory, note_type, types);

	if (result < 0)
		return result;
	g_hash_table_iter_init(&iter, types);
	while (g_hash_table_iter_next(&iter, &type, NULL)) {
		Object object = {.id = directory->id, .part = (int64_t)GPOINTER_TO_SIZE(type), .select = SELECT_TYPE};

		snprintf(object.name, sizeof object.name, "%lld", (long long)object.part);
		seen(data, &object, NULL);
	}
	return 0;
}

static int types_lookup(const void *context, const Object *directory, const char *name, Object *out)
{
	static const struct {
		const char *prefix;
		int32_t select;
	} forms[] = {{"upto-", SELECT_UPTO}, {"except-", SELECT_EXCEPT}, {"", SELECT_TYPE}};

	for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
		if (!g_str_has_prefix(name, forms[i].prefix))
			continue;
		Object object = {.id = directory->id, .select = forms[i].select};

		if (name[strlen(forms[i].prefix)] == '0' ||
		    !parse_number(name + strlen(forms[i].prefix), 1, LONG_MAX, &object.part))
			return -ENOENT;
		g_strlcpy(object.name, name, sizeof object.name);
		*out = object;
		return 0;
	}
	return -ENOENT;
}

/* A message is sent with one type, so that only type/N can be written to. */
static int types_stat(const void *context, const Object *object, ObjectStat *out)
{
	int result = sysv_stat(context, object, out);

	if (object->select == SELECT_UPTO || object->select == SELECT_EXCEPT)
		out->mode &= 0444;
	return result;
}

static int types_permit(const void *context, const Object *object, const Caller *caller, int rights)
{
	if ((rights & RIGHT_WRITE) && object->select != SELECT_TYPE)
		return refuse(EACCES, "a message has one type: write to type/N");
	return sysv_permit(context, object, caller, rights);
}

const DirOps sysv_msg_types = {
	.context = &sysv_msg_type,
	.list = types_list,
	.lookup = types_lookup,
	.stat = types_stat,
	.permit = types_permit,
};
