/*
 * A conversation is an Entry with a socket that comes and goes. Much happens to it at once: the verbs of ctl, on the
 * dispatcher, on the watching thread and on workers; reading and writing data; text files and options; rmdir. This is
 * how that goes together:
 *
 * The socket. Whoever wants it takes a reference under the conversation lock (conversation_socket()) and uses it
 * without the lock, in calls that do not sleep. Hanging up takes it away under the lock, then shuts it down and wakes
 * who waits for it; so whoever still has a reference finds the end of that connection, and never another one. An open
 * `data` keeps the socket that it used first (socket_data.c).
 *
 * Verbs that may have to wait, for a look-up or the other side, are an SocketOp (socket_attempt.c), of which a
 * conversation has one at a time. It is worked on without the lock by one thread at a time. What comes of it is the
 * conversation's only if the attempt is still the conversation's under the lock; a hang-up takes that place away, and
 * then what comes of it is closed.
 *
 * The end. rmdir and the last close of a conversation made by clone take the name and hang up. Open files hold the Own
 * beyond that, and find it `removed`. An attempt holds the Own, and the Own the attempt: hanging up parts them.
 *
 * Locking: `conversation_lock` is a leaf, held for a few instructions and over no system call. Wake-ups and the ends of
 * sockets come after it.
 */
#include "backends/socket/conversation.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "backends/core/host.h"
#include "backends/core/credentials.h"
#include "backends/core/parse.h"
#include "backends/core/refusal.h"

enum { CONVERSATIONS_USER = 1024, PROTOCOLS = 256 };

GMutex conversation_lock;

/* Those of one directory. */
typedef struct Table {
	Registry entry;
	int lowest; /* Protected by the conversation lock. No number below it is free. */
} Table;

static void conversation_end(Entry *entry);

#define TABLE(things)                                                                                                 \
	{                                                                                                             \
		.entry =                                                                                              \
		{.quota = {.what = things, .remedy = "remove some", .error = ENOSPC, .user_max = CONVERSATIONS_USER}, \
		 .end = conversation_end }                                                                            \
	}

static Table networks[NETWORKS] = {
	[NET_TCP] = TABLE("conversations"),
	[NET_UDP] = TABLE("conversations"),
	[NET_UNIX] = TABLE("conversations and sockets"),
	[NET_UNIXGRAM] = TABLE("conversations and sockets"),
	[NET_UNIXPACKET] = TABLE("conversations and sockets"),
};

static Table protocols[PROTOCOLS];      /* of ip; filled in when first asked for */
static GHashTable *with_protocol_users; /* Protected by the conversation lock. uid -> conversations of all protocols */

static void protocols_prepare(void)
{
	for (int i = 0; i < PROTOCOLS; i++)
		protocols[i] = (Table)TABLE("conversations");
}

Registry *conversation_table(const Object *object)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (object->select != NET_IP)
		return &networks[object->select].entry;
	pthread_once(&once, protocols_prepare);
	return &protocols[object->part].entry;
}

static void note_any(void *data, const Object *object, const ObjectStat *stat)
{
	*(bool *)data = true;
}

void conversation_protocols(void (*each)(void *data, int protocol), void *data)
{
	for (int i = 0; i < PROTOCOLS; i++) {
		const Object at = {.select = NET_IP, .part = i};
		bool any = false;

		registry_list(conversation_table(&at), NULL, note_any, &any);
		if (any)
			each(data, i);
	}
}

/* -- Making and ending ---------------------------------------------------------------------------------------------- */

/* The tables of ip count together. */
static int charge(const Conversation *conversation, int count)
{
	gpointer user = GUINT_TO_POINTER(conversation->maker);
	int now;

	if (conversation->network->type != SOCK_RAW || conversation->maker == 0)
		return 0;
	g_mutex_lock(&conversation_lock);
	if (!with_protocol_users)
		with_protocol_users = g_hash_table_new(NULL, NULL);
	now = GPOINTER_TO_INT(g_hash_table_lookup(with_protocol_users, user)) + count;
	if (now <= 0)
		g_hash_table_remove(with_protocol_users, user);
	else if (now <= CONVERSATIONS_USER)
		g_hash_table_insert(with_protocol_users, user, GINT_TO_POINTER(now));
	g_mutex_unlock(&conversation_lock);
	if (now > CONVERSATIONS_USER)
		return refuse(ENOSPC, "you have %d conversations below ip already", CONVERSATIONS_USER);
	return 0;
}

/* Nobody holds it any more, so it has been hung up. */
static void conversation_end(Entry *entry)
{
	Conversation *conversation = entry->data;

	if (!conversation)
		return; /* a node */
	charge(conversation, -1);
	options_clear(&conversation->options);
	g_free(conversation);
}

Entry *conversation_get(const Object *object)
{
	Registry *table = conversation_table(object);
	Entry *entry = registry_get(table, object->id);

	if (entry && !entry->data) {
		entry_unref(table, entry);
		entry = NULL;
	}
	return entry;
}

void conversation_unref(Entry *entry)
{
	if (entry)
		entry_unref(conversation_of(entry)->table, entry);
}

void conversation_name_freed(Registry *table, const char *name)
{
	int64_t number;

	if (!parse_number(name, 0, INT_MAX, &number))
		return;
	g_mutex_lock(&conversation_lock);
	((Table *)table)->lowest = MIN(((Table *)table)->lowest, (int)number);
	g_mutex_unlock(&conversation_lock);
}

/* registry_add() under the lowest number that is free. */
static int add_number(Registry *table, mode_t mode, Conversation *conversation, Entry **out)
{
	char name[16];
	int result;

	do {
		int number;

		g_mutex_lock(&conversation_lock);
		number = ((Table *)table)->lowest++;
		g_mutex_unlock(&conversation_lock);
		snprintf(name, sizeof name, "%d", number);
		result = registry_add(table, name, mode, conversation, out);
	} while (result == -EEXIST);
	if (result < 0)
		conversation_name_freed(table, name);
	return result;
}

int conversation_make(const Object *at, const char *name, mode_t mode, Entry **out)
{
	Conversation *new = g_new0(Conversation, 1);
	int result;

	new->network = network_of(at);
	new->protocol = (int)at->part;
	new->table = conversation_table(at);
	new->maker = geteuid();
	new->cloned = !name;
	new->files = !name;
	g_queue_init(&new->calls);
	result = charge(new, 1);
	if (result == 0) {
		result = name ? registry_add(new->table, name, mode, new, out) : add_number(new->table, mode, new, out);
		if (result < 0)
			charge(new, -1);
	}
	if (result < 0)
		g_free(new);
	return result;
}

void conversation_removed(Entry *entry, const char *name)
{
	g_mutex_lock(&conversation_lock);
	conversation_of(entry)->removed = true;
	g_mutex_unlock(&conversation_lock);
	conversation_name_freed(conversation_of(entry)->table, name);
	conversation_hang_up(entry);
}

int conversation_open(Entry *entry)
{
	Conversation *conversation = entry->data;
	int result = 0;

	g_mutex_lock(&conversation_lock);
	if (conversation->removed)
		result = -ENOENT;
	else
		conversation->files++;
	g_mutex_unlock(&conversation_lock);
	return result;
}

void conversation_close(Entry *entry)
{
	Conversation *conversation = entry->data;
	const Object object = {.id = entry->id};
	char name[NAME_MAX + 1];
	bool over;

	g_mutex_lock(&conversation_lock);
	over = --conversation->files == 0 && conversation->cloned && !conversation->removed;
	if (over)
		conversation->removed = true; /* nobody opens it from here on */
	g_mutex_unlock(&conversation_lock);
	if (over) {
		entry_name(entry, name);
		creds_raise(); /* whoever closes it last need not be its owner */
		if (registry_remove(conversation->table, &object) == 0)
			conversation_removed(entry, name);
		creds_lower();
	}
	conversation_unref(entry);
}

/* -- Its socket ----------------------------------------------------------------------------------------------------- */

Socket *conversation_socket(const Entry *entry, Stage *stage)
{
	const Conversation *conversation = entry->data;
	Socket *socket;

	g_mutex_lock(&conversation_lock);
	socket = conversation->socket ? socket_ref(conversation->socket) : NULL;
	if (stage)
		*stage = conversation->stage;
	g_mutex_unlock(&conversation_lock);
	return socket;
}

int64_t conversation_queued(const Entry *entry)
{
	Socket *socket = conversation_socket(entry, NULL);
	int bytes = 0;

	/* A socket that is called at has none: EINVAL. */
	if (socket && ioctl(socket->fd, FIONREAD, &bytes) < 0)
		bytes = 0;
	socket_unref(socket);
	return bytes;
}

/* Ends a connection for all who have it, and lets go of it. Closing alone would leave those waiting who hold it. */
static void socket_end(Socket *socket)
{
	const struct sockaddr nothing = {.sa_family = AF_UNSPEC};
	struct linger linger = {0};
	socklen_t size = sizeof linger;

	/* What close(2) does for SO_LINGER of 0 seconds: a reset, where shutdown(2) would send what is left first. */
	if (!socket->network->local && getsockopt(socket->fd, SOL_SOCKET, SO_LINGER, &linger, &size) == 0 &&
	    linger.l_onoff)
		connect(socket->fd, &nothing, sizeof nothing);
	shutdown(socket->fd, SHUT_RDWR);
	socket_wake(socket);
	socket_unref(socket);
}

void call_free(Call *call)
{
	if (!call)
		return;
	g_mutex_lock(&conversation_lock);
	g_queue_unlink(&conversation_of(call->entry)->calls, &call->link);
	g_mutex_unlock(&conversation_lock);
	conversation_unref(call->entry);
	g_free(call);
}

/* Takes what there is to be hung up, for end_connection(). Called with the conversation lock held. */
static void detach_socket(Conversation *conversation, Socket **socket, Call **call)
{
	*socket = g_steal_pointer(&conversation->socket);
	*call = g_steal_pointer(&conversation->call);
	conversation->stage = STAGE_IDLE;
	conversation->late = false;
}

static void end_connection(Entry *entry, Socket *socket, Call *call)
{
	if (socket)
		socket_end(socket);
	call_free(call);
	entry_touch(entry);
	conversation_wake(entry);
}

void conversation_hang_up(Entry *entry)
{
	Conversation *conversation = entry->data;
	Pending *pending;
	Socket *socket;
	Call *call;

	g_mutex_lock(&conversation_lock);
	pending = conversation->pending ? conversation->pending->ops->take(conversation) : NULL;
	detach_socket(conversation, &socket, &call);
	g_mutex_unlock(&conversation_lock);
	if (pending)
		pending->ops->ended(pending);
	end_connection(entry, socket, call);
}

void conversation_drop(Entry *entry, const Socket *socket)
{
	Conversation *conversation = entry->data;
	Socket *taken = NULL;
	Call *call = NULL;

	g_mutex_lock(&conversation_lock);
	if (conversation->socket == socket)
		detach_socket(conversation, &taken, &call);
	g_mutex_unlock(&conversation_lock);
	if (taken)
		end_connection(entry, taken, call);
}

/* -- Waiting -------------------------------------------------------------------------------------------------------- */

void conversation_wait(const Entry *entry, Wait *out)
{
	*out = (Wait){.how = WAIT_FD, .fd = -1, .key = {(int64_t)(intptr_t)&conversation_lock, entry->id}};
}

void conversation_wake(const Entry *entry)
{
	Wait wait;

	conversation_wait(entry, &wait);
	host_wake(wait.key);
}
