/*
 * ctl: what a conversation is told to do, and clone and listen, whose descriptor is the ctl of the conversation that
 * opening them has made.
 *
 * A write is one verb after the other. One that has to wait (connect, or announce and bind with a look-up) is an
 * SocketOp, which keeps its line of the write unfinished until it is over. If the writer is interrupted, the attempt is
 * ended and nothing is left of it; if he does not wait (O_NONBLOCK), it goes on by itself: EINPROGRESS, as of
 * connect(2).
 */
#include "backends/socket/ctl.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "backends/core/credentials.h"
#include "backends/core/procfs.h"
#include "backends/socket/accept.h"
#include "backends/socket/operation.h"
#include "backends/socket/path.h"
#include "backends/core/refusal.h"

enum { LINE_MAX_BYTES = 1024 }; /* more than the longest address */

/* An open ctl. */
typedef struct Ctl {
	Entry *entry;      /* held, and counted as an open file of it; NULL: not yet (listen) */
	Entry *announced;  /* listen, until somebody has called: the conversation that is called. Held and counted. */
	SocketOp *attempt; /* held; the verb that the write under way is at */
	Caller caller; /* whoever opened it, whose groups are the handle's; its pid tells only where it finds paths */
	mode_t umask;  /* of whoever opened it */
	bool read;     /* its name was read */
} Ctl;

static Ctl *ctl_of(const Handle *handle)
{
	return (Ctl *)(intptr_t)handle->state[0];
}

/* -- Verbs ---------------------------------------------------------------------------------------------------------- */

static int attempt(Handle *handle, SocketOpKind kind, const char *address)
{
	Ctl *ctl = ctl_of(handle);

	return socket_op_begin(ctl->entry, kind, address, &ctl->caller, ctl->umask, &ctl->attempt);
}

static int verb_connect(Handle *handle, const char *rest)
{
	return attempt(handle, TO_CONNECT, rest);
}

static int verb_announce(Handle *handle, const char *rest)
{
	return attempt(handle, TO_ANNOUNCE, rest);
}

static int verb_bind(Handle *handle, const char *rest)
{
	return attempt(handle, TO_BIND, rest);
}

static int verb_hangup(Handle *handle, const char *rest)
{
	conversation_hang_up(ctl_of(handle)->entry);
	return 0;
}

static int verb_shutdown(Handle *handle, const char *rest)
{
	const bool reads = strcmp(rest, "read") == 0, writes = strcmp(rest, "write") == 0;
	Socket *socket;
	Stage stage;
	int result = 0;

	if (!reads && !writes)
		return refuse(EINVAL, "shutdown read or shutdown write: which way?");
	socket = conversation_socket(ctl_of(handle)->entry, &stage);
	if (stage != STAGE_CONNECTED)
		result = refuse(ENOTCONN, "there is no connection");
	else if (shutdown(socket->fd, reads ? SHUT_RD : SHUT_WR) < 0)
		result = -errno;
	else
		socket_wake(socket);
	socket_unref(socket);
	return result;
}

static const struct {
	const char *name;
	int (*run)(Handle *handle, const char *rest); /* 0: done, or the handle has an attempt now */
	bool argument;
} verbs[] = {
	{"connect", verb_connect, true}, {"announce", verb_announce, true}, {"bind", verb_bind, true},
	{"hangup", verb_hangup, false},  {"shutdown", verb_shutdown, true},
};

/* Begins what a line says. */
static int verb_run(Handle *handle, char *line)
{
	char *rest = line + strcspn(line, " \t");

	if (*rest)
		*rest++ = '\0';
	rest = g_strstrip(rest);
	for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
		if (strcmp(line, verbs[i].name) != 0)
			continue;
		if (verbs[i].argument != (*rest != '\0'))
			return refuse(EINVAL, verbs[i].argument ? "%s what?" : "%s stands alone", line);
		return verbs[i].run(handle, rest);
	}
	return refuse(EINVAL, "ctl takes a verb a line: connect ADDRESS, announce ADDRESS, bind ADDRESS, hangup, "
			      "shutdown read, shutdown write");
}

/* -- The file ------------------------------------------------------------------------------------------------------- */

static mode_t umask_of(pid_t thread)
{
	int directory = thread > 0 ? procfs_open(thread, 0) : -1;
	g_autofree char *status = directory >= 0 ? procfs_read(directory, "status") : NULL;
	const char *field = status ? procfs_field(status, "Umask") : NULL;

	if (directory >= 0)
		close(directory);
	return field ? (mode_t)procfs_number(status, "Umask", 8) : 022;
}

/*
 * A Ctl for a handle. The thread that opens it is there to be asked; later its number may be another's. So whoever was
 * found to walk paths as the daemon does is given the daemon's number from then on, and who was not, none.
 */
static Ctl *ctl_new(Handle *handle)
{
	Ctl *ctl = g_new0(Ctl, 1);

	ctl->caller = handle->caller;
	if (handle_writes(handle) && network_of(&handle->object)->local) {
		ctl->umask = umask_of(handle->caller.pid);
		ctl->caller.pid = path_check_caller(&handle->caller) == 0 ? getpid() : 0;
		refusal_forget();
	}
	handle->state[0] = (int64_t)(intptr_t)ctl;
	return ctl;
}

static int ctl_open(Handle *handle, BlockMode block)
{
	Entry *entry = conversation_get(&handle->object);

	if (!entry)
		return -ENOENT;
	if (conversation_open(entry) < 0) {
		conversation_unref(entry);
		return -ENOENT;
	}
	ctl_new(handle)->entry = entry;
	return 0;
}

static void ctl_close(Handle *handle)
{
	Ctl *ctl = ctl_of(handle);

	if (!ctl)
		return;
	socket_op_unref(ctl->attempt);
	if (ctl->entry)
		conversation_close(ctl->entry);
	if (ctl->announced)
		conversation_close(ctl->announced);
	g_free(ctl);
}

static ssize_t ctl_read(Handle *handle, char *buf, size_t size, BlockMode block)
{
	Ctl *ctl = ctl_of(handle);
	char name[NAME_MAX + 1];

	if (!ctl->read) {
		entry_name(ctl->entry, name);
		if (!*name)
			return -EIDRM;
		buffer_append(&handle->rest, name, strlen(name));
		buffer_append(&handle->rest, "\n", 1);
		ctl->read = true;
	}
	return (ssize_t)buffer_take(&handle->rest, buf, size);
}

/* The first line of what is left of the write; -EAGAIN: it takes long. Returns its length with its newline. */
static ssize_t ctl_write(Handle *handle, const char *buf, size_t size, BlockMode block)
{
	Ctl *ctl = ctl_of(handle);
	const char *newline = memchr(buf, '\n', size);
	const size_t length = newline ? (size_t)(newline - buf) : size, taken = length + (newline != NULL);
	char line[LINE_MAX_BYTES + 1];
	int result = 0;

	if (!ctl->attempt) {
		if (length > LINE_MAX_BYTES || memchr(buf, '\0', length))
			return refuse(EINVAL, "a line here has at most %d bytes, and none of them is 0",
				      LINE_MAX_BYTES);
		memcpy(line, buf, length);
		line[length] = '\0';
		result = verb_run(handle, line);
		if (result < 0 || !ctl->attempt)
			return result < 0 ? result : (ssize_t)taken;
	}
	result = socket_op_try(ctl->attempt);
	if (result == -EAGAIN)
		return result;
	socket_op_unref(g_steal_pointer(&ctl->attempt));
	return result < 0 ? result : (ssize_t)taken;
}

static int ctl_give_up(Handle *handle, Direction direction, int error)
{
	Ctl *ctl = ctl_of(handle);
	SocketOp *left;

	if (direction != WRITING || !ctl->attempt)
		return error;
	left = g_steal_pointer(&ctl->attempt);
	if (error == -EAGAIN)
		error = socket_op_leave(left);
	else
		socket_op_end(left);
	socket_op_unref(left);
	return error;
}

static void ctl_wait(Handle *handle, Direction direction, size_t size, Wait *out)
{
	Ctl *ctl = ctl_of(handle);

	if (direction == OPENING)
		call_wait(ctl->announced, out);
	else if (direction == WRITING && ctl->attempt)
		socket_op_wait(ctl->attempt, out);
	else
		conversation_wait(ctl->entry, out);
}

/* -- clone and listen ----------------------------------------------------------------------------------------------- */

/* A new conversation of whoever opens the handle. */
static int make(Handle *handle, Entry **out)
{
	int result = creds_override(&handle->caller);

	if (result < 0)
		return result;
	result = conversation_make(&handle->object, NULL, 0600, out);
	creds_revert();
	return result;
}

static int clone_open(Handle *handle, BlockMode block)
{
	Entry *entry = NULL;
	int result = make(handle, &entry);

	if (result == 0)
		ctl_new(handle)->entry = entry;
	return result;
}

/* The new conversation is the caller's own, to be read and written: so that is the right it takes, however it is opened. */
static int check_listen(const Handle *handle)
{
	int result = registry_permit(conversation_table(&handle->object), &handle->object, &handle->caller,
				     RIGHT_READ | RIGHT_WRITE);

	return result < 0 ? refuse(-result, "who listens gets both ways of the connection: it takes the right to "
					    "read and to write the conversation") :
			    0;
}

/* The new conversation is connected with whoever has called. */
static void connected(Entry *entry, Socket *socket, Call *call)
{
	Conversation *conversation = entry->data;

	g_mutex_lock(&conversation_lock);
	conversation->socket = socket;
	conversation->call = call;
	conversation->stage = STAGE_CONNECTED;
	g_mutex_unlock(&conversation_lock);
}

static int listen_open(Handle *handle, BlockMode block)
{
	Ctl *ctl = ctl_of(handle);
	Socket *socket;
	Call *call;
	Entry *entry = NULL;
	int result;

	if (!ctl) {
		result = check_listen(handle);
		if (result == 0)
			result = ctl_open(handle, block);
		if (result < 0)
			return result;
		ctl = ctl_of(handle);
		ctl->announced = g_steal_pointer(&ctl->entry);
	}
	/* First the conversation: whoever has called is to be kept if there cannot be one. */
	result = call_pending(ctl->announced);
	if (result == 0)
		result = make(handle, &entry);
	if (result < 0)
		return result;
	result = call_accept(ctl->announced, &handle->caller, &socket, &call);
	if (result < 0) {
		conversation_close(entry);
		return result;
	}
	connected(entry, socket, call);
	ctl->entry = entry;
	conversation_close(g_steal_pointer(&ctl->announced));
	return 0;
}

const StreamOps socket_ctl = {
	.open = ctl_open,
	.read = ctl_read,
	.write = ctl_write,
	.wait = ctl_wait,
	.close = ctl_close,
	.cancel = ctl_close,
	.give_up = ctl_give_up,
};

const StreamOps socket_clone = {
	.open = clone_open,
	.read = ctl_read,
	.write = ctl_write,
	.wait = ctl_wait,
	.close = ctl_close,
	.cancel = ctl_close,
	.give_up = ctl_give_up,
};

const StreamOps socket_listen = {
	.open = listen_open,
	.read = ctl_read,
	.write = ctl_write,
	.wait = ctl_wait,
	.close = ctl_close,
	.cancel = ctl_close,
	.give_up = ctl_give_up,
};
