/*
 * ip/: a directory for each IP protocol, by its number or its name. fs/ calls the functions of DirOps, on worker
 * threads. They use the thread-safe functions of netdb.h and need no lock.
 */
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

/* Listed in any case, also without /etc/protocols. */
static const struct {
	const char *name;
	int number;
} known[] = {{"icmp", IPPROTO_ICMP}, {"ipv6-icmp", IPPROTO_ICMPV6}};

/* The object of a protocol, under the one name that it is listed by. */
static Object object_of(int protocol)
{
	Object object = {.select = NET_IP, .part = protocol};
	struct protoent entry, *match = NULL;
	char room[DATABASE_LINE];

	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		if (known[i].number == protocol)
			g_strlcpy(object.name, known[i].name, sizeof object.name);
	if (object.name[0])
		return object;
	if (getprotobynumber_r(protocol, &entry, room, sizeof room, &match) == 0 && match &&
	    !strchr(match->p_name, '/'))
		g_strlcpy(object.name, match->p_name, sizeof object.name);
	else
		snprintf(object.name, sizeof object.name, "%d", protocol);
	return object;
}

/* The number of a protocol; -1: there is none. */
static int number_of(const char *name)
{
	struct protoent entry, *match = NULL;
	char room[DATABASE_LINE];
	int64_t number;

	if (parse_number(name, 0, PROTOCOL_MAX, &number))
		return (int)number;
	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		if (strcmp(known[i].name, name) == 0)
			return known[i].number;
	if (getprotobyname_r(name, &entry, room, sizeof room, &match) || !match || match->p_proto > PROTOCOL_MAX)
		return -1;
	return match->p_proto;
}

static int protocol_lookup(const void *context, const Object *directory, const char *name, Object *out)
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

static void list_protocol(void *data, int protocol)
{
	const Listing *listing = data;
	const Object object = object_of(protocol);
	ObjectStat stat;

	protocol_stat(NULL, &object, &stat);
	listing->seen(listing->data, &object, &stat);
}

static void list_unknown(void *data, int protocol)
{
	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		if (known[i].number == protocol)
			return;
	list_protocol(data, protocol);
}

static int protocol_list(const void *context, const Object *directory, MemberSeen seen, void *data)
{
	Listing listing = {.seen = seen, .data = data};

	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		list_protocol(&listing, known[i].number);
	conversation_protocols(list_unknown, &listing);
	return 0;
}

const DirOps socket_protocols = {
	.list = protocol_list,
	.lookup = protocol_lookup,
	.stat = protocol_stat,
	.slow = true, /* the names may come from a server (nsswitch.conf) */
	.lasting = true,
};
