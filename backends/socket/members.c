/*
 * The names in a network's directory: conversations, made with mkdir, and on the unix networks nodes, made by bind(2).
 * A node's name, owner and mode are kept here, as those of a FIFO: connecting to it is between the caller and the
 * kernel.
 */
#include <errno.h>
#include <unistd.h>

#include "backends/socket/conversation.h"
#include "backends/socket/tree.h"
#include "backends/core/refusal.h"

/* What of an object own.c does not know. */
static void place(Object *object, const Object *at)
{
	object->select = at->select;
	object->part = at->part;
}

static int member_stat(const Object *object, ObjectStat *out)
{
	Own *own;
	int result = own_stat(conversation_table(object), object, out);

	if (result < 0)
		return result;
	own = conversation_get(object);
	if (own)
		out->size = conversation_queued(own);
	conversation_unref(own);
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

	(void)stat;
	place(&placed, listing->at);
	if (member_stat(&placed, &full) == 0)
		listing->seen(listing->data, &placed, &full);
}

static int member_list(const Object *at, MemberSeen seen, void *data)
{
	Listing listing = {.at = at, .seen = seen, .data = data};

	return own_list(conversation_table(at), list_one, &listing);
}

static int member_lookup(const Object *at, const char *name, Object *out)
{
	int result = own_lookup(conversation_table(at), name, out);

	if (result == 0)
		place(out, at);
	return result;
}

static int member_create(const Object *at, const char *name, mode_t mode, Object *out)
{
	Own *own;
	int result = conversation_make(at, name, mode, &own);

	if (result < 0)
		return result;
	*out = (Object){.id = own->id};
	g_strlcpy(out->name, name, sizeof out->name);
	place(out, at);
	conversation_unref(own);
	return 0;
}

static int member_node(const Object *at, const char *name, mode_t mode, Object *out)
{
	int result;

	if (S_ISFIFO(mode))
		return why_refuse(EPERM, "FIFOs are made in fifo");
	if (!network_of(at)->local || !S_ISSOCK(mode))
		return why_refuse(EPERM,
				  network_of(at)->local ?
					  "mkdir makes a conversation here, and bind(2) of a unix socket a node" :
					  "conversations are made with mkdir");
	result = own_make(conversation_table(at), name, mode, NULL, out);
	if (result == 0)
		place(out, at);
	return result;
}

static int member_remove(const Object *object)
{
	OwnTable *table = conversation_table(object);
	Own *own = conversation_get(object);
	char name[NAME_MAX + 1];
	int result;

	if (own)
		own_name(own, name);
	result = own_remove(table, object);
	if (own && result == 0)
		conversation_removed(own, name);
	else if (result == 0)
		conversation_name_freed(table, object->name);
	conversation_unref(own);
	return result;
}

static int member_rename(const Object *object, const char *name)
{
	int result = own_rename(conversation_table(object), object, name);

	if (result == 0)
		conversation_name_freed(conversation_table(object), object->name);
	return result;
}

static int member_set(const Object *object, const ObjectChange *change)
{
	return own_set(conversation_table(object), object, change);
}

static int member_permit(const Object *object, const Caller *caller, int rights)
{
	return own_permit(conversation_table(object), object, caller, rights);
}

static const Row *member_row(const Object *object)
{
	Own *own;
	const Row *row;

	if (!network_of(object)->local)
		return socket_conversation_row(object);
	own = own_get(conversation_table(object), object->id);
	row = own && !own->data ? &socket_node_row : socket_conversation_row(object);
	if (own)
		own_unref(conversation_table(object), own);
	return row;
}

const Members socket_conversations = {
	.list = member_list,
	.lookup = member_lookup,
	.create = member_create,
	.node = member_node,
	.remove = member_remove,
	.rename = member_rename,
	.stat = member_stat,
	.set = member_set,
	.permit = member_permit,
	.row = member_row,
};
