/*
 * dial/: an open of a name connects to that address, and the last close hangs up.
 *
 * Below a unix dial/ a name is a path, from the root directory on. The directories of the path are directories here as
 * well. They list nothing: otherwise a search of the tree would search the whole file system. Names are looked up
 * with the caller's credentials, so the caller learns no more than from stat(2).
 *
 * With O_NONBLOCK an open does not wait for the connection. Each later use of the file continues it, and the poller
 * (poller.h) continues connections of more than one step.
 *
 * fs/ calls the functions of DirOps and, through file.c, those of SocketFile, on any thread.
 *
 * Locking: each Dial has a lock, which protects its fields. It is held while the next step of the connection is tried;
 * a try never sleeps.
 */
#include "backends/socket/dial.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backends/core/credentials.h"
#include "backends/core/host.h"
#include "backends/core/poller.h"
#include "backends/core/refusal.h"
#include "backends/socket/connect.h"
#include "backends/socket/file.h"
#include "backends/socket/path.h"

/* Object.part on unix networks. */
enum { DIAL_SOCKET, DIAL_FOLDER };

/*
 * Below a unix dial/ the path of an object is stored behind its name, in the same array. A socket's path is short
 * enough for both. Empty for the directory `dial` itself and for abstract names.
 */
static const char *path_of(const Object *object)
{
	const char *behind = object->name + strlen(object->name) + 1;

	return behind < object->name + sizeof object->name ? behind : "";
}

/* -- A connection -------------------------------------------------------------------------------------------------- */

typedef struct Dial {
	int refs;               /* atomic: the open file and the poller */
	GMutex lock;            /* the lock of this Dial */
	Connecting *connecting; /* Protected by lock. Owned; NULL once the result is known. */
	Socket *socket;         /* Protected by lock until it is set. A reference. */
	int error;              /* Protected by lock, as `reason`. The error of the connection, negative. */
	char *reason;           /* owned */
	bool closed;            /* Protected by lock. */
} Dial;

static Dial *dial_of(const Handle *handle)
{
	return (Dial *)(intptr_t)handle->state[QUEUE_OWN];
}

/* Continues. 0: connected; -EAGAIN: not yet; otherwise the error of the connection, the reason noted. */
static int dial_try(Dial *dial)
{
	Socket *socket = NULL;
	bool has_result;
	int result;
	Wait wait;

	if (g_atomic_pointer_get(&dial->socket))
		return 0;
	g_mutex_lock(&dial->lock);
	result = dial->connecting ? connecting_try(dial->connecting, &socket) : dial->error;
	has_result = dial->connecting && result != -EAGAIN;
	if (has_result) {
		connecting_wait(dial->connecting, &wait);
		connecting_free(g_steal_pointer(&dial->connecting));
		dial->error = result;
		dial->reason = result < 0 ? g_strdup(refusal_note()) : NULL;
		g_atomic_pointer_set(&dial->socket, socket);
	} else if (dial->reason) {
		refuse(-result, "%s", dial->reason);
	}
	g_mutex_unlock(&dial->lock);
	/* A request that has just seen no result has to look again. */
	if (has_result)
		host_wake(wait.key);
	return result;
}

static Socket *dial_get(Handle *handle, int *error)
{
	Dial *dial = dial_of(handle);

	*error = dial_try(dial);
	return *error == 0 ? socket_ref(dial->socket) : NULL;
}

static void dial_wait(Handle *handle, Direction direction, Wait *out)
{
	Dial *dial = dial_of(handle);

	g_mutex_lock(&dial->lock);
	if (dial->connecting)
		connecting_wait(dial->connecting, out);
	else if (dial->socket)
		socket_wait(dial->socket, direction, out);
	else
		/* The result has come meanwhile: dial_try() wakes the request, which looks again. */
		*out = (Wait){.how = WAIT_FD, .fd = -1, .key = {(int64_t)(intptr_t)handle}};
	g_mutex_unlock(&dial->lock);
}

/* The receiver of a datagram needs an address to answer. */
static int bind_anywhere(Socket *socket, void *data)
{
	const struct sockaddr any = {.sa_family = AF_UNIX};

	return bind(socket->fd, &any, sizeof any.sa_family) ? -errno : 0;
}

static int dial_begin(Handle *handle)
{
	const Object *object = &handle->object;
	const Network *network = network_of(object);
	const bool answered = network->local && network->type == SOCK_DGRAM;
	Dial *dial = g_new0(Dial, 1);
	char text[ADDRESS_TEXT_MAX + 1];

	dial->refs = 1;
	g_mutex_init(&dial->lock);
	handle->state[QUEUE_OWN] = (int64_t)(intptr_t)dial;
	g_strlcpy(text, object->name, sizeof text);
	if (*path_of(object)) {
		Address address = {.local.sun_family = AF_UNIX};

		g_strlcpy(address.local.sun_path, path_of(object), sizeof address.local.sun_path);
		address.length = sizeof address.local;
		address_print(network, &address, text);
	}
	return connecting_begin(network, network->local ? 0 : (int)object->part, text, &handle->caller, NULL,
				answered ? bind_anywhere : NULL, NULL, &dial->connecting);
}

static void dial_unref(Dial *dial)
{
	if (!g_atomic_int_dec_and_test(&dial->refs))
		return;
	socket_unref(dial->socket);
	g_free(dial->reason);
	g_mutex_clear(&dial->lock);
	g_free(dial);
}

/* Called by the poller. Continues a connection that no request waits for. True: nothing is left to do. */
static bool dial_step(void *data)
{
	Dial *dial = data;
	bool done;

	refusal_forget();
	dial_try(dial);
	g_mutex_lock(&dial->lock);
	done = dial->closed || !dial->connecting || !connecting_has_steps(dial->connecting);
	g_mutex_unlock(&dial->lock);
	if (done)
		dial_unref(dial);
	return done;
}

static int dial_open(Handle *handle, BlockMode block)
{
	int result = dial_of(handle) ? 0 : dial_begin(handle);
	Dial *dial = dial_of(handle);

	if (result == 0)
		result = dial_try(dial);
	if (result != -EAGAIN || !(handle->flags & O_NONBLOCK))
		return result;
	g_atomic_int_inc(&dial->refs);
	poller_add(dial_step, dial);
	return 0;
}

static void dial_close(Handle *handle)
{
	Dial *dial = dial_of(handle);

	if (!dial)
		return;
	handle->state[QUEUE_OWN] = 0;
	g_mutex_lock(&dial->lock);
	dial->closed = true;
	connecting_free(g_steal_pointer(&dial->connecting));
	g_mutex_unlock(&dial->lock);
	dial_unref(dial);
}

static const SocketFile dial_file = {
	.queue = SOCKET_QUEUE,
	.get = dial_get,
	.wait = dial_wait,
	.open = dial_open,
	.close = dial_close,
};

/* -- Names --------------------------------------------------------------------------------------------------------- */

static void fill_object(const Object *directory, const char *name, Object *out)
{
	*out = (Object){.id = g_str_hash(name), .select = directory->select, .part = directory->part};
	g_strlcpy(out->name, name, sizeof out->name);
}

static int name_lookup(const void *context, const Object *directory, const char *name, Object *out)
{
	Address address;
	int result = address_parse(network_of(directory), name, false, &address);

	if (result < 0 && result != -EAGAIN)
		return result;
	fill_object(directory, name, out);
	return 0;
}

/* The kind of a path: DIAL_FOLDER, DIAL_SOCKET, or a negative errno. Called with the caller's credentials. */
static int path_kind(const char *path)
{
	const Caller asker = {.pid = creds_caller_pid()};
	int result = path_check_caller(&asker), fd;
	struct stat status;

	if (result < 0)
		return result;
	fd = path_open(path);
	result = fd < 0 ? fd : fstat(fd, &status) ? -errno : S_ISDIR(status.st_mode) ? DIAL_FOLDER : DIAL_SOCKET;
	if (fd >= 0)
		close(fd);
	return result;
}

static int path_lookup(const void *context, const Object *directory, const char *name, Object *out)
{
	enum { PATH_LENGTH_MAX = sizeof((struct sockaddr_un *)NULL)->sun_path - 1 };
	g_autofree char *path = NULL;
	int kind;

	if (name[0] == '@' && directory->part != DIAL_FOLDER)
		return name_lookup(context, directory, name, out);
	path = g_strconcat(path_of(directory), "/", name, NULL);
	if (strlen(path) > PATH_LENGTH_MAX)
		return refuse(ENAMETOOLONG, "path is too long: a unix socket has at most %d bytes", PATH_LENGTH_MAX);
	kind = path_kind(path);
	if (kind < 0)
		return kind;
	fill_object(directory, name, out);
	out->part = kind;
	strcpy(out->name + strlen(name) + 1, path);
	return 0;
}

/* No file can be made here. A shell's `<>` or `>` would make a file; ENOENT tells its user more than EPERM. */
static int path_refuse_new(const void *context, const Object *directory, const char *name, mode_t mode, Object *out)
{
	if (!S_ISREG(mode))
		return refuse(EPERM, "dial holds addresses only: make conversations in the directory above");
	return refuse(ENOENT, "no file %s/%s", path_of(directory), name);
}

/* Any user may try: the kernel checks the right to connect when the connection is made. */
static int stat_all(const void *context, const Object *object, ObjectStat *out)
{
	static gsize since; /* about the start of the daemon */

	if (g_once_init_enter(&since))
		g_once_init_leave(&since, (gsize)time(NULL));
	*out = (ObjectStat){.uid = getuid(), .gid = getgid(), .mode = 0666};
	out->atime = out->mtime = out->ctime = (time_t)since;
	return 0;
}

static const DirOps name_members = {.lookup = name_lookup, .stat = stat_all};

/* clang-format off */
static const FileDesc byte_stream = {
	.kind = STREAM, .mode = 0666, .stream = &socket_bytes, .as_opener = true, .mechanism = &dial_file,
};
static const FileDesc messages = {
	.kind = STREAM, .mode = 0666, .stream = &queue_data, .as_opener = true, .mechanism = &dial_file,
};
/* clang-format on */

const FileDesc socket_dial_bytes = {
	.name = "dial",
	.kind = DIRECTORY,
	.mode = 0555,
	.members = &name_members,
	.member = &byte_stream,
};

const FileDesc socket_dial_messages = {
	.name = "dial",
	.kind = DIRECTORY,
	.mode = 0555,
	.members = &name_members,
	.member = &messages,
};

/* -- Paths --------------------------------------------------------------------------------------------------------- */

static const FileDesc *local_desc(const void *context, const Object *object);

static const DirOps path_members = {
	.lookup = path_lookup,
	.create = path_refuse_new,
	.node = path_refuse_new,
	.stat = stat_all,
	.desc = local_desc,
	.slow = true,
	.private = true,
};

static const FileDesc folder = {.kind = DIRECTORY, .members = &path_members};

static const FileDesc *local_desc(const void *context, const Object *object)
{
	return object->part == DIAL_FOLDER ? &folder : network_of(object)->messages ? &messages : &byte_stream;
}

const FileDesc socket_dial_local_bytes = {.name = "dial", .kind = DIRECTORY, .mode = 0777, .members = &path_members};
const FileDesc socket_dial_local_messages = {.name = "dial", .kind = DIRECTORY, .mode = 0777, .members = &path_members};
