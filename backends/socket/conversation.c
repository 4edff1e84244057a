/*
 * A conversation is an Entry of a registry with a socket that comes and goes. Several threads use it at once: the main
 * loop, the watching thread and worker threads run verbs of ctl, reads and writes of data, text files, options and
 * rmdir.
 *
 * The socket: a thread takes a reference under the conversation lock (conversation_socket()) and uses it without the
 * lock, in calls that do not sleep. A hang-up removes the socket from the conversation under the lock, then shuts it
 * down and wakes the requests that wait for it. A thread that still has a reference therefore finds the end of that
 * connection, and never another connection. An open `data` keeps the socket that it used first (data.c).
 *
 * Verbs: a verb that may have to wait, for a look-up or for the peer, is a Pending (operation.c implements it). A
 * conversation has one at a time. One thread at a time works on it, without the lock. Its result counts only if it is
 * still the conversation's Pending under the lock. A hang-up takes the Pending away; the result is then closed.
 *
 * The end: rmdir, and the last close of a conversation made by clone, remove the name and hang up. Open files hold the
 * Entry beyond that and find the conversation `removed`. The Pending and the Entry refer to each other; the hang-up
 * cuts that circle.
 *
 * Called by every file of this folder that serves a file of a conversation, and by members.c for the directory.
 *
 * Locking: `conversation_lock` is a leaf. It is held for a few instructions and across no system call. Wake-ups and
 * the ends of sockets follow after it is released.
 */
#include "backends/socket/conversation.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "backends/core/credentials.h"
#include "backends/core/host.h"
#include "backends/core/parse.h"

enum { CONVERSATIONS_USER = 1024, PROTOCOLS = 256 };

GMutex conversation_lock;

/* The conversations of one directory. */
typedef struct Directory {
	Registry registry;
	int lowest; /* Protected by the conversation lock. No lower number is free. */
} Directory;

static void conversation_end(Entry *entry);

#define CONVERSATIONS(things)                                                                                         \
	{                                                                                                             \
		.registry =                                                                                           \
		{.quota = {.what = things, .remedy = "remove some", .error = ENOSPC, .user_max = CONVERSATIONS_USER}, \
		 .end = conversation_end }                                                                            \
	}

static Directory networks[NETWORKS] = {
	[NET_TCP] = CONVERSATIONS("conversations"),
	[NET_UDP] = CONVERSATIONS("conversations"),
	[NET_UNIX] = CONVERSATIONS("conversations and sockets"),
	[NET_UNIXGRAM] = CONVERSATIONS("conversations and sockets"),
	[NET_UNIXPACKET] = CONVERSATIONS("conversations and sockets"),
};

static Directory protocols[PROTOCOLS]; /* of ip; initialised at first use */
static Quota with_protocol = {
	.what = "conversations below ip",
	.remedy = "remove some",
	.error = ENOSPC,
	.user_max = CONVERSATIONS_USER,
};

static void protocols_prepare(void)
{
	for (int i = 0; i < PROTOCOLS; i++)
		protocols[i] = (Directory)CONVERSATIONS("conversations");
}

Registry *conversation_registry(const Object *object)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (object->select != NET_IP)
		return &networks[object->select].registry;
	pthread_once(&once, protocols_prepare);
	return &protocols[object->part].registry;
}

static void note_any(void *data, const Object *object, const ObjectStat *stat)
{
	*(bool *)data = true;
}

void conversation_protocols(void (*each)(void *data, int protocol), void *data)
{
	for (int i = 0; i < PROTOCOLS; i++) {
		const Object directory = {.select = NET_IP, .part = i};
		bool any = false;

		registry_list(conversation_registry(&directory), NULL, note_any, &any);
		if (any)
			each(data, i);
	}
}

/* -- Making and ending --------------------------------------------------------------------------------------------- */

/* Called by the registry at the last unref. The conversation has been hung up before. */
static void conversation_end(Entry *entry)
{
	Conversation *conversation = entry->data;

	if (!conversation)
		return; /* a node */
	if (conversation->network->type == SOCK_RAW)
		quota_release(&with_protocol, conversation->maker, 1);
	options_clear(&conversation->options);
	g_free(conversation);
}

Entry *conversation_get(const Object *object)
{
	Registry *registry = conversation_registry(object);
	Entry *entry = registry_get(registry, object->id);

	if (entry && !entry->data) {
		entry_unref(registry, entry);
		entry = NULL;
	}
	return entry;
}

void conversation_unref(Entry *entry)
{
	if (entry)
		entry_unref(conversation_of(entry)->registry, entry);
}

void conversation_name_freed(Registry *registry, const char *name)
{
	int64_t number;

	if (!parse_number(name, 0, INT_MAX, &number))
		return;
	g_mutex_lock(&conversation_lock);
	((Directory *)registry)->lowest = MIN(((Directory *)registry)->lowest, (int)number);
	g_mutex_unlock(&conversation_lock);
}

/* registry_add() under the lowest free number. */
static int add_number(Registry *registry, mode_t mode, Conversation *conversation, Entry **out)
{
	char name[16];
	int result;

	do {
		int number;

		g_mutex_lock(&conversation_lock);
		number = ((Directory *)registry)->lowest++;
		g_mutex_unlock(&conversation_lock);
		snprintf(name, sizeof name, "%d", number);
		result = registry_add(registry, name, mode, conversation, out);
	} while (result == -EEXIST);
	if (result < 0)
		conversation_name_freed(registry, name);
	return result;
}

int conversation_make(const Object *directory, const char *name, mode_t mode, Entry **out)
{
	Conversation *new = g_new0(Conversation, 1);
	const bool raw = network_of(directory)->type == SOCK_RAW;
	int result;

	new->network = network_of(directory);
	new->protocol = (int)directory->part;
	new->registry = conversation_registry(directory);
	new->maker = geteuid();
	new->cloned = !name;
	new->files = !name;
	g_queue_init(&new->accepted);
	/* The directories of all protocols of ip share one limit. */
	result = raw ? quota_charge(&with_protocol, new->maker, 1) : 0;
	if (result == 0) {
		result = name ? registry_add(new->registry, name, mode, new, out) :
				add_number(new->registry, mode, new, out);
		if (result < 0 && raw)
			quota_release(&with_protocol, new->maker, 1);
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
	conversation_name_freed(conversation_of(entry)->registry, name);
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
		conversation->removed = true; /* no file of it can be opened from here on */
	g_mutex_unlock(&conversation_lock);
	if (over) {
		entry_name(entry, name);
		creds_raise(); /* the last close need not come from the owner */
		if (registry_remove(conversation->registry, &object) == 0)
			conversation_removed(entry, name);
		creds_lower();
	}
	conversation_unref(entry);
}

/* -- The socket ---------------------------------------------------------------------------------------------------- */

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

	/* A listening socket has no such number: EINVAL. */
	if (socket && ioctl(socket->fd, FIONREAD, &bytes) < 0)
		bytes = 0;
	socket_unref(socket);
	return bytes;
}

/*
 * Ends a connection for all of its users and drops a reference. close(2) alone would leave requests waiting that hold
 * the socket.
 */
static void socket_end(Socket *socket)
{
	const struct sockaddr nothing = {.sa_family = AF_UNSPEC};
	struct linger linger = {0};
	socklen_t size = sizeof linger;

	/*
	 * The effect of close(2) with SO_LINGER of 0 seconds: a reset. shutdown(2) would send the queued bytes first.
	 */
	if (!socket->network->local && getsockopt(socket->fd, SOL_SOCKET, SO_LINGER, &linger, &size) == 0 &&
	    linger.l_onoff)
		connect(socket->fd, &nothing, sizeof nothing);
	shutdown(socket->fd, SHUT_RDWR);
	socket_wake(socket);
	socket_unref(socket);
}

void accepted_free(Accepted *accepted)
{
	if (!accepted)
		return;
	g_mutex_lock(&conversation_lock);
	g_queue_unlink(&conversation_of(accepted->entry)->accepted, &accepted->link);
	g_mutex_unlock(&conversation_lock);
	conversation_unref(accepted->entry);
	g_free(accepted);
}

/*
 * Takes the socket of a hang-up from the conversation; end_connection() ends it. Called with the conversation lock
 * held.
 */
static void detach_socket(Conversation *conversation, Socket **socket, Accepted **accepted)
{
	*socket = g_steal_pointer(&conversation->socket);
	*accepted = g_steal_pointer(&conversation->accepted_as);
	conversation->stage = STAGE_IDLE;
	conversation->unreported = false;
}

static void end_connection(Entry *entry, Socket *socket, Accepted *accepted)
{
	if (socket)
		socket_end(socket);
	accepted_free(accepted);
	entry_touch(entry);
	conversation_wake(entry);
}

void conversation_hang_up(Entry *entry)
{
	Conversation *conversation = entry->data;
	Pending *pending;
	Socket *socket;
	Accepted *accepted;

	g_mutex_lock(&conversation_lock);
	pending = conversation->pending ? conversation->pending->ops->take(conversation) : NULL;
	detach_socket(conversation, &socket, &accepted);
	g_mutex_unlock(&conversation_lock);
	if (pending)
		pending->ops->ended(pending);
	end_connection(entry, socket, accepted);
}

void conversation_drop(Entry *entry, const Socket *socket)
{
	Conversation *conversation = entry->data;
	Socket *taken = NULL;
	Accepted *accepted = NULL;

	g_mutex_lock(&conversation_lock);
	if (conversation->socket == socket)
		detach_socket(conversation, &taken, &accepted);
	g_mutex_unlock(&conversation_lock);
	if (taken)
		end_connection(entry, taken, accepted);
}

/* -- Waiting ------------------------------------------------------------------------------------------------------- */

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
