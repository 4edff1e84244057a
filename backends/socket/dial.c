/*
 * dial/: opening a name connects to it, and closing it hangs up.
 *
 * Below a unix dial/ a name is a path from the root directory on. Its folders are directories here as well, which list nothing:
 * else whoever searches the tree would search the whole file system. What is below them is found as the caller, who sees as much
 * as by stat(2).
 *
 * With O_NONBLOCK an open does not wait for the connection. Whatever is done with the file from then on takes it further, and
 * what takes more than one step goes on by itself.
 */
#include "backends/socket/dial.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backends/core/host.h"
#include "backends/core/credentials.h"
#include "backends/core/poller.h"
#include "backends/socket/connect.h"
#include "backends/socket/file.h"
#include "backends/socket/path.h"
#include "backends/core/refusal.h"

/* Object.part on networks of unix sockets. */
enum { DIAL_SOCKET, DIAL_FOLDER };

/*
 * Below a unix dial/ the path that an object stands for is kept behind its own name, in the same array: a socket's path is so
 * short that there is room for both. Empty for the directory `dial` itself, and for abstract names.
 */
static const char *path_of(const Object *object)
{
	const char *behind = object->name + strlen(object->name) + 1;

	return behind < object->name + sizeof object->name ? behind : "";
}

/* -- A connection ------------------------------------------------------------------------------------------------------- */

typedef struct Dial {
	int refs;               /* atomic: its open file, and whoever pursues it */
	GMutex lock;            /* "a dial's lock": held while the next step is tried, which never sleeps */
	Connecting *connecting; /* Protected by lock. Owned; NULL once it is settled. */
	Socket *socket;         /* Protected by lock until it is there. Held. */
	int error;              /* Protected by lock, as `reason`. Negative: why there never will be one. */
	char *reason;           /* owned */
	bool closed;            /* Protected by lock. */
} Dial;

static Dial *dial_of(const Handle *handle)
{
	return (Dial *)(intptr_t)handle->state[QUEUE_OWN];
}

/* 0 with the connection; -EAGAIN: not yet; or why there never will be one, the reason noted. */
static int advance(Dial *dial)
{
	Socket *socket = NULL;
	bool settled;
	int result;
	Wait wait;

	if (g_atomic_pointer_get(&dial->socket))
		return 0;
	g_mutex_lock(&dial->lock);
	result = dial->connecting ? connecting_try(dial->connecting, &socket) : dial->error;
	settled = dial->connecting && result != -EAGAIN;
	if (settled) {
		connecting_wait(dial->connecting, &wait);
		connecting_free(g_steal_pointer(&dial->connecting));
		dial->error = result;
		dial->reason = result < 0 ? g_strdup(refusal_note()) : NULL;
		g_atomic_pointer_set(&dial->socket, socket);
	} else if (dial->reason) {
		refuse(-result, "%s", dial->reason);
	}
	g_mutex_unlock(&dial->lock);
	/* Whoever has just found that nothing was settled is to look again. */
	if (settled)
		host_wake(wait.key);
	return result;
}

static Socket *dial_get(Handle *handle, int *error)
{
	Dial *dial = dial_of(handle);

	*error = advance(dial);
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
		/* Settled meanwhile: advance() has whoever would wait look again. */
		*out = (Wait){.how = WAIT_FD, .fd = -1, .key = {(int64_t)(intptr_t)handle}};
	g_mutex_unlock(&dial->lock);
}

/* A datagram needs an address to be answered at. */
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

/* Takes a connection further that nobody waits for. True: no more. */
static bool pursue(void *data)
{
	Dial *dial = data;
	bool over;

	refusal_forget();
	advance(dial);
	g_mutex_lock(&dial->lock);
	over = dial->closed || !dial->connecting || !connecting_has_steps(dial->connecting);
	g_mutex_unlock(&dial->lock);
	if (over)
		dial_unref(dial);
	return over;
}

static int dial_open(Handle *handle, BlockMode block)
{
	int result = dial_of(handle) ? 0 : dial_begin(handle);
	Dial *dial = dial_of(handle);

	if (result == 0)
		result = advance(dial);
	if (result != -EAGAIN || !(handle->flags & O_NONBLOCK))
		return result;
	g_atomic_int_inc(&dial->refs);
	poller_add(pursue, dial);
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

static const SocketFile file = {
	.queue = SOCKET_QUEUE,
	.get = dial_get,
	.wait = dial_wait,
	.open = dial_open,
	.close = dial_close,
};

/* -- Names -------------------------------------------------------------------------------------------------------------- */

static void found(const Object *at, const char *name, Object *out)
{
	*out = (Object){.id = g_str_hash(name), .select = at->select, .part = at->part};
	g_strlcpy(out->name, name, sizeof out->name);
}

static int lookup(const void *context, const Object *at, const char *name, Object *out)
{
	Address address;
	int result = address_parse(network_of(at), name, false, &address);

	if (result < 0 && result != -EAGAIN)
		return result;
	found(at, name, out);
	return 0;
}

/* What a path names now: DIAL_FOLDER or DIAL_SOCKET, or a negative errno. As the caller. */
static int look_at(const char *path)
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

static int local_lookup(const void *context, const Object *at, const char *name, Object *out)
{
	enum { PATH_LENGTH_MAX = sizeof((struct sockaddr_un *)NULL)->sun_path - 1 };
	g_autofree char *path = NULL;
	int kind;

	if (name[0] == '@' && at->part != DIAL_FOLDER)
		return lookup(context, at, name, out);
	path = g_strconcat(path_of(at), "/", name, NULL);
	if (strlen(path) > PATH_LENGTH_MAX)
		return refuse(ENAMETOOLONG, "the path of a unix socket has at most %d bytes", PATH_LENGTH_MAX);
	kind = look_at(path);
	if (kind < 0)
		return kind;
	found(at, name, out);
	out->part = kind;
	strcpy(out->name + strlen(name) + 1, path);
	return 0;
}

/* Nothing is made here; but to a shell's `<>` or `>`, which would make a file, it should be ENOENT that is said. */
static int local_make(const void *context, const Object *at, const char *name, mode_t mode, Object *out)
{
	if (!S_ISREG(mode))
		return refuse(EPERM, "nothing can be made here");
	return refuse(ENOENT, "there is no %s/%s", path_of(at), name);
}

/* Everybody may try: the right to connect is judged when that is done. */
static int stat_all(const void *context, const Object *object, ObjectStat *out)
{
	static gsize since; /* about when the daemon began */

	if (g_once_init_enter(&since))
		g_once_init_leave(&since, (gsize)time(NULL));
	*out = (ObjectStat){.uid = getuid(), .gid = getgid(), .mode = 0666};
	out->atime = out->mtime = out->ctime = (time_t)since;
	return 0;
}

static const DirOps names = {.lookup = lookup, .stat = stat_all};

/* clang-format off */
static const FileDesc byte_stream = {
	.kind = STREAM, .mode = 0666, .stream = &socket_bytes, .as_opener = true, .mechanism = &file,
};
static const FileDesc messages = {
	.kind = STREAM, .mode = 0666, .stream = &queue_data, .as_opener = true, .mechanism = &file,
};
/* clang-format on */

const FileDesc socket_dial_bytes = {
	.name = "dial",
	.kind = DIRECTORY,
	.mode = 0555,
	.members = &names,
	.member = &byte_stream,
};

const FileDesc socket_dial_messages = {
	.name = "dial",
	.kind = DIRECTORY,
	.mode = 0555,
	.members = &names,
	.member = &messages,
};

/* -- Paths -------------------------------------------------------------------------------------------------------------- */

static const FileDesc *local_desc(const void *context, const Object *object);

static const DirOps paths = {
	.lookup = local_lookup,
	.create = local_make,
	.node = local_make,
	.stat = stat_all,
	.desc = local_desc,
	.slow = true,
	.private = true,
};

static const FileDesc folder = {.kind = DIRECTORY, .members = &paths};

static const FileDesc *local_desc(const void *context, const Object *object)
{
	return object->part == DIAL_FOLDER ? &folder : network_of(object)->messages ? &messages : &byte_stream;
}

const FileDesc socket_dial_local_bytes = {.name = "dial", .kind = DIRECTORY, .mode = 0777, .members = &paths};
const FileDesc socket_dial_local_messages = {.name = "dial", .kind = DIRECTORY, .mode = 0777, .members = &paths};
