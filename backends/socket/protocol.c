/* ip/: a directory for each protocol of IP, by its number or its name. */
#include "backends/socket/protocol.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backends/core/parse.h"
#include "backends/socket/conversation.h"

enum { PROTOCOL_MAX = 255, DATABASE_LINE = 1024 };

/* Those that are there in any case, also where there is no /etc/protocols. */
static const struct {
	const char *name;
	int number;
} known[] = {{"icmp", IPPROTO_ICMP}, {"ipv6-icmp", IPPROTO_ICMPV6}};

/* The object of a protocol, by the one name that it is listed under. */
static Object object_of(int protocol)
{
	Object object = {.select = NET_IP, .part = protocol};
	struct protoent entry, *found = NULL;
	char room[DATABASE_LINE];

	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		if (known[i].number == protocol)
			g_strlcpy(object.name, known[i].name, sizeof object.name);
	if (object.name[0])
		return object;
	if (getprotobynumber_r(protocol, &entry, room, sizeof room, &found) == 0 && found &&
	    !strchr(found->p_name, '/'))
		g_strlcpy(object.name, found->p_name, sizeof object.name);
	else
		snprintf(object.name, sizeof object.name, "%d", protocol);
	return object;
}

/* -1: there is no such protocol. */
static int number_of(const char *name)
{
	struct protoent entry, *found = NULL;
	char room[DATABASE_LINE];
	int64_t number;

	if (parse_number(name, 0, PROTOCOL_MAX, &number))
		return (int)number;
	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		if (strcmp(known[i].name, name) == 0)
			return known[i].number;
	if (getprotobyname_r(name, &entry, room, sizeof room, &found) || !found || found->p_proto > PROTOCOL_MAX)
		return -1;
	return found->p_proto;
}

static int protocol_lookup(const void *context, const Object *at, const char *name, Object *out)
{
	int number = number_of(name);

	if (number < 0)
		return -ENOENT;
	*out = object_of(number);
	return 0;
}

static int protocol_stat(const void *context, const Object *object, ObjectStat *out)
{
	static gsize began;

	if (g_once_init_enter(&began))
		g_once_init_leave(&began, (gsize)time(NULL));
	*out = (ObjectStat){
		.uid = getuid(),
		.gid = getgid(),
		.mode = 01777,
		.atime = (time_t)began,
		.mtime = (time_t)began,
		.ctime = (time_t)began,
	};
	return 0;
}

typedef struct Listing {
	MemberSeen seen;
	void *data;
} Listing;

static void list_one(void *data, int protocol)
{
	const Listing *listing = data;
	const Object object = object_of(protocol);
	ObjectStat stat;

	protocol_stat(NULL, &object, &stat);
	listing->seen(listing->data, &object, &stat);
}

static void list_other(void *data, int protocol)
{
	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		if (known[i].number == protocol)
			return;
	list_one(data, protocol);
}

static int protocol_list(const void *context, const Object *at, MemberSeen seen, void *data)
{
	Listing listing = {.seen = seen, .data = data};

	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		list_one(&listing, known[i].number);
	conversation_protocols(list_other, &listing);
	return 0;
}

const DirOps socket_protocols = {
	.list = protocol_list,
	.lookup = protocol_lookup,
	.stat = protocol_stat,
	.slow = true, /* the names may come from elsewhere (nsswitch.conf) */
	.lasting = true,
};
