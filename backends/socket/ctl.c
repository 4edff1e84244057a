/*
 * ctl: the verbs of a conversation. clone and listen: an open makes a conversation, and the open file is its ctl.
 *
 * A write contains one verb per line. A verb that has to wait (connect, and announce or bind with a look-up) is a
 * SocketOp; its line counts as written once the SocketOp is over. If the writer is interrupted, the SocketOp is
 * cancelled and leaves no trace. With O_NONBLOCK the write fails with EINPROGRESS, as connect(2) does, and the
 * SocketOp continues without a waiting request.
 *
 * fs/ calls the functions in StreamOps. None of them sleeps.
 *
 * Locking: a Ctl belongs to one open file. fs/ calls one write of it at a time, and only writes use `operation`. The
 * conversation lock protects the fields of the conversation.
 */
#include "backends/socket/ctl.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "backends/core/credentials.h"
#include "backends/core/procfs.h"
#include "backends/core/refusal.h"
#include "backends/socket/accept.h"
#include "backends/socket/operation.h"
#include "backends/socket/path.h"

enum { LINE_MAX_BYTES = 1024 }; /* more than the longest address */

/* An open ctl. */
typedef struct Ctl {
	Entry *entry; /* a reference, counted as an open file; NULL: listen has not accepted yet */
	/* listen: the announced conversation, until a connection is accepted; a reference, counted as an open file */
	Entry *announced;
	SocketOp *operation; /* a reference; the verb that the write in progress waits for */
	Caller caller; /* the opener; its groups are the handle's; its pid is only used to check where paths lead */
	mode_t umask;  /* of the opener */
	bool read;     /* the name was read */
} Ctl;

static Ctl *ctl_of(const Handle *handle)
{
	return (Ctl *)(intptr_t)handle->state[0];
}

/* -- Verbs --------------------------------------------------------------------------------------------------------- */

static int begin_operation(Handle *handle, SocketOpKind kind, const char *address)
{
	Ctl *ctl = ctl_of(handle);

	return socket_op_begin(ctl->entry, kind, address, &ctl->caller, ctl->umask, &ctl->operation);
}

static int verb_connect(Handle *handle, const char *rest)
{
	return begin_operation(handle, TO_CONNECT, rest);
}

static int verb_announce(Handle *handle, const char *rest)
{
	return begin_operation(handle, TO_ANNOUNCE, rest);
}

static int verb_bind(Handle *handle, const char *rest)
{
	return begin_operation(handle, TO_BIND, rest);
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
		return refuse(EINVAL, "shutdown has no direction: write `shutdown read` or `shutdown write`");
	socket = conversation_socket(ctl_of(handle)->entry, &stage);
	if (stage != STAGE_CONNECTED)
		result = refuse(ENOTCONN, "conversation is not connected");
	else if (shutdown(socket->fd, reads ? SHUT_RD : SHUT_WR) < 0)
		result = -errno;
	else
		socket_wake(socket);
	socket_unref(socket);
	return result;
}

static const struct {
	const char *name;
	int (*run)(Handle *handle, const char *rest); /* 0: done, or the verb is in progress as ctl->operation */
	bool argument;
} verbs[] = {
	{"connect", verb_connect, true}, {"announce", verb_announce, true}, {"bind", verb_bind, true},
	{"hangup", verb_hangup, false},  {"shutdown", verb_shutdown, true},
};

/* Runs the verb of one line. */
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
			return refuse(EINVAL, verbs[i].argument ? "%s needs an argument" : "%s takes no argument",
				      line);
		return verbs[i].run(handle, rest);
	}
	return refuse(EINVAL, "ctl takes a verb a line: connect ADDRESS, announce ADDRESS, bind ADDRESS, hangup, "
			      "shutdown read, shutdown write");
}

/* -- The file ------------------------------------------------------------------------------------------------------ */

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
 * The Ctl of a handle. The opening thread exists now; later its id may belong to another thread. Whether the caller
 * sees paths as the daemon does is therefore checked now: its pid becomes the daemon's if it does, and 0 if not.
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
	socket_op_unref(ctl->operation);
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

/*
 * Handles the first line of the rest of the write and returns its length with the newline; -EAGAIN: the verb has to
 * wait.
 */
static ssize_t ctl_write(Handle *handle, const char *buf, size_t size, BlockMode block)
{
	Ctl *ctl = ctl_of(handle);
	const char *newline = memchr(buf, '\n', size);
	const size_t length = newline ? (size_t)(newline - buf) : size, taken = length + (newline != NULL);
	char line[LINE_MAX_BYTES + 1];
	int result = 0;

	if (!ctl->operation) {
		if (length > LINE_MAX_BYTES || memchr(buf, '\0', length))
			return refuse(EINVAL, "line is too long or contains a zero byte: write at most %d bytes",
				      LINE_MAX_BYTES);
		memcpy(line, buf, length);
		line[length] = '\0';
		result = verb_run(handle, line);
		if (result < 0 || !ctl->operation)
			return result < 0 ? result : (ssize_t)taken;
	}
	result = socket_op_try(ctl->operation);
	if (result == -EAGAIN)
		return result;
	socket_op_unref(g_steal_pointer(&ctl->operation));
	return result < 0 ? result : (ssize_t)taken;
}

static int ctl_give_up(Handle *handle, Direction direction, int error)
{
	Ctl *ctl = ctl_of(handle);
	SocketOp *detached;

	if (direction != WRITING || !ctl->operation)
		return error;
	detached = g_steal_pointer(&ctl->operation);
	if (error == -EAGAIN)
		error = socket_op_detach(detached);
	else
		socket_op_cancel(detached);
	socket_op_unref(detached);
	return error;
}

static void ctl_wait(Handle *handle, Direction direction, size_t size, Wait *out)
{
	Ctl *ctl = ctl_of(handle);

	if (direction == OPENING)
		announced_wait(ctl->announced, out);
	else if (direction == WRITING && ctl->operation)
		socket_op_wait(ctl->operation, out);
	else
		conversation_wait(ctl->entry, out);
}

/* -- clone and listen ---------------------------------------------------------------------------------------------- */

/* Makes a conversation with the credentials of the opener. */
static int make_conversation(Handle *handle, Entry **out)
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
	int result = make_conversation(handle, &entry);

	if (result == 0)
		ctl_new(handle)->entry = entry;
	return result;
}

/*
 * The opener owns the new conversation and can read and write it. An open of listen therefore needs both rights,
 * whatever its flags are.
 */
static int check_listen(const Handle *handle)
{
	int result = registry_permit(conversation_registry(&handle->object), &handle->object, &handle->caller,
				     RIGHT_READ | RIGHT_WRITE);

	return result < 0 ? refuse(-result, "listen makes a conversation that reads and writes: it needs read and "
					    "write permission for this one") :
			    0;
}

/* The new conversation is the accepted connection. */
static void set_connected(Entry *entry, Socket *socket, Accepted *accepted)
{
	Conversation *conversation = entry->data;

	g_mutex_lock(&conversation_lock);
	conversation->socket = socket;
	conversation->accepted_as = accepted;
	conversation->stage = STAGE_CONNECTED;
	g_mutex_unlock(&conversation_lock);
}

static int listen_open(Handle *handle, BlockMode block)
{
	Ctl *ctl = ctl_of(handle);
	Socket *socket;
	Accepted *accepted;
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
	/* The conversation is made first: if that fails, the connection keeps waiting. */
	result = announced_pending(ctl->announced);
	if (result == 0)
		result = make_conversation(handle, &entry);
	if (result < 0)
		return result;
	result = announced_accept(ctl->announced, &handle->caller, &socket, &accepted);
	if (result < 0) {
		conversation_close(entry);
		return result;
	}
	set_connected(entry, socket, accepted);
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
