/*
 * The names in a network's directory: conversations, made with mkdir, and on the unix networks nodes, made by bind(2).
 * The registry keeps the name, owner and mode of a node, as for a FIFO; connecting to a node is between the caller and
 * the kernel.
 *
 * fs/ calls the functions of DirOps. The registry of an object depends on its network and, below socket/ip, on its
 * protocol (conversation_registry()). Each function therefore selects the registry and then calls the function of
 * registry.h.
 *
 * Locking: none of its own; registry.c and conversation.c lock.
 */
#include "backends/socket/members.h"

#include <errno.h>

#include "backends/core/refusal.h"
#include "backends/socket/conversation.h"
#include "backends/socket/conversation_files.h"

/* Fills the fields of an object that the registry does not know. */
static void set_network(Object *object, const Object *directory)
{
	object->select = directory->select;
	object->part = directory->part;
}

static int member_stat(const void *context, const Object *object, ObjectStat *out)
{
	Entry *entry;
	int result = registry_stat(conversation_registry(object), object, out);

	if (result < 0)
		return result;
	entry = conversation_get(object);
	if (entry)
		out->size = conversation_queued(entry);
	conversation_unref(entry);
	return 0;
}

typedef struct Listing {
	const Object *directory;
	MemberSeen seen;
	void *data;
} Listing;

static void list_member(void *data, const Object *object, const ObjectStat *stat)
{
	const Listing *listing = data;
	Object placed = *object;
	ObjectStat full;

	set_network(&placed, listing->directory);
	if (member_stat(NULL, &placed, &full) == 0)
		listing->seen(listing->data, &placed, &full);
}

static int member_list(const void *context, const Object *directory, MemberSeen seen, void *data)
{
	Listing listing = {.directory = directory, .seen = seen, .data = data};

	return registry_list(conversation_registry(directory), NULL, list_member, &listing);
}

static int member_lookup(const void *context, const Object *directory, const char *name, Object *out)
{
	int result = registry_lookup(conversation_registry(directory), NULL, name, out);

	if (result == 0)
		set_network(out, directory);
	return result;
}

static int member_create(const void *context, const Object *directory, const char *name, mode_t mode, Object *out)
{
	Entry *entry;
	int result = conversation_make(directory, name, mode, &entry);

	if (result < 0)
		return result;
	*out = (Object){.id = entry->id};
	g_strlcpy(out->name, name, sizeof out->name);
	set_network(out, directory);
	conversation_unref(entry);
	return 0;
}

static int member_node(const void *context, const Object *directory, const char *name, mode_t mode, Object *out)
{
	int result;

	if (S_ISFIFO(mode))
		return refuse(EPERM, "no FIFOs here: make them in fifo");
	if (!network_of(directory)->local || !S_ISSOCK(mode))
		return refuse(EPERM, network_of(directory)->local ?
					     "no files here: use mkdir for a conversation, bind(2) for a node" :
					     "no files here: make a conversation with mkdir");
	result = registry_create(conversation_registry(directory), name, mode, NULL, out);
	if (result == 0)
		set_network(out, directory);
	return result;
}

static int member_remove(const void *context, const Object *object)
{
	Registry *registry = conversation_registry(object);
	Entry *entry = conversation_get(object);
	char name[NAME_MAX + 1];
	int result;

	if (entry)
		entry_name(entry, name);
	result = registry_remove(registry, object);
	if (entry && result == 0)
		conversation_removed(entry, name);
	else if (result == 0)
		conversation_name_freed(registry, object->name);
	conversation_unref(entry);
	return result;
}

static int member_rename(const void *context, const Object *object, const char *name)
{
	int result = registry_rename(conversation_registry(object), object, name);

	if (result == 0)
		conversation_name_freed(conversation_registry(object), object->name);
	return result;
}

static int member_set(const void *context, const Object *object, const ObjectChange *change)
{
	return registry_set(conversation_registry(object), object, change);
}

static int member_permit(const void *context, const Object *object, const Caller *caller, int rights)
{
	return registry_permit(conversation_registry(object), object, caller, rights);
}

static const FileDesc node_desc = {.kind = SPECIAL};

static const FileDesc *member_desc(const void *context, const Object *object)
{
	Entry *entry;
	const FileDesc *desc;

	if (!network_of(object)->local)
		return socket_conversation_desc(object);
	entry = registry_get(conversation_registry(object), object->id);
	desc = entry && !entry->data ? &node_desc : socket_conversation_desc(object);
	if (entry)
		entry_unref(conversation_registry(object), entry);
	return desc;
}

const DirOps socket_members = {
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
