/*
 * The names in a network's directory: conversations, made with mkdir, and on the unix networks nodes, made by bind(2).
 * A node's name, owner and mode are kept here, as those of a FIFO: connecting to it is between the caller and the
 * kernel.
 */
#include "backends/socket/members.h"

#include <errno.h>
#include <unistd.h>

#include "backends/socket/conversation.h"
#include "backends/socket/conversation_files.h"
#include "backends/core/refusal.h"

/* What of an object own.c does not know. */
static void place(Object *object, const Object *at)
{
	object->select = at->select;
	object->part = at->part;
}

static int member_stat(const void *context, const Object *object, ObjectStat *out)
{
	Entry *entry;
	int result = registry_stat(conversation_table(object), object, out);

	if (result < 0)
		return result;
	entry = conversation_get(object);
	if (entry)
		out->size = conversation_queued(entry);
	conversation_unref(entry);
	return 0;
}

typedef struct Listing {
	const Object *at;
	MemberSeen seen;
	void *data;
} Listing;

static void list_one(void *data, const Object *object, const ObjectStat *stat)
{
	const Listing *listing = data;
	Object placed = *object;
	ObjectStat full;

	place(&placed, listing->at);
	if (member_stat(NULL, &placed, &full) == 0)
		listing->seen(listing->data, &placed, &full);
}

static int member_list(const void *context, const Object *at, MemberSeen seen, void *data)
{
	Listing listing = {.at = at, .seen = seen, .data = data};

	return registry_list(conversation_table(at), NULL, list_one, &listing);
}

static int member_lookup(const void *context, const Object *at, const char *name, Object *out)
{
	int result = registry_lookup(conversation_table(at), NULL, name, out);

	if (result == 0)
		place(out, at);
	return result;
}

static int member_create(const void *context, const Object *at, const char *name, mode_t mode, Object *out)
{
	Entry *entry;
	int result = conversation_make(at, name, mode, &entry);

	if (result < 0)
		return result;
	*out = (Object){.id = entry->id};
	g_strlcpy(out->name, name, sizeof out->name);
	place(out, at);
	conversation_unref(entry);
	return 0;
}

static int member_node(const void *context, const Object *at, const char *name, mode_t mode, Object *out)
{
	int result;

	if (S_ISFIFO(mode))
		return refuse(EPERM, "FIFOs are made in fifo");
	if (!network_of(at)->local || !S_ISSOCK(mode))
		return refuse(EPERM, network_of(at)->local ?
					     "mkdir makes a conversation here, and bind(2) of a unix socket a node" :
					     "conversations are made with mkdir");
	result = registry_create(conversation_table(at), name, mode, NULL, out);
	if (result == 0)
		place(out, at);
	return result;
}

static int member_remove(const void *context, const Object *object)
{
	Registry *table = conversation_table(object);
	Entry *entry = conversation_get(object);
	char name[NAME_MAX + 1];
	int result;

	if (entry)
		entry_name(entry, name);
	result = registry_remove(table, object);
	if (entry && result == 0)
		conversation_removed(entry, name);
	else if (result == 0)
		conversation_name_freed(table, object->name);
	conversation_unref(entry);
	return result;
}

static int member_rename(const void *context, const Object *object, const char *name)
{
	int result = registry_rename(conversation_table(object), object, name);

	if (result == 0)
		conversation_name_freed(conversation_table(object), object->name);
	return result;
}

static int member_set(const void *context, const Object *object, const ObjectChange *change)
{
	return registry_set(conversation_table(object), object, change);
}

static int member_permit(const void *context, const Object *object, const Caller *caller, int rights)
{
	return registry_permit(conversation_table(object), object, caller, rights);
}

static const FileDesc node_desc = {.kind = SPECIAL};

static const FileDesc *member_desc(const void *context, const Object *object)
{
	Entry *entry;
	const FileDesc *desc;

	if (!network_of(object)->local)
		return socket_conversation_desc(object);
	entry = registry_get(conversation_table(object), object->id);
	desc = entry && !entry->data ? &node_desc : socket_conversation_desc(object);
	if (entry)
		entry_unref(conversation_table(object), entry);
	return desc;
}

const DirOps socket_conversations = {
	.list = member_list,
	.lookup = member_lookup,
	.create = member_create,
	.node = member_node,
	.remove = member_remove,
	.rename = member_rename,
	.stat = member_stat,
	.set = member_set,
	.permit = member_permit,
	.desc = member_desc,
};
