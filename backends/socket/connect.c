/*
 * Connecting (connect.h). Each step waits for something else:
 *
 *	look-up	of a name or of a path, on a thread of its own. A complete address needs none.
 *	answer	of an address. If the address refuses, the next one is tried. A path is connected to on a thread,
 *		because the kernel checks its mode again and may have to ask a file system that does not answer.
 *	backlog	of a unix server that is full. Only a blocking connect(2) learns that there is room
 *		(BlockingConnect).
 *
 * No connection is lost if the caller gives up in between: a background job ends by itself, and its result is closed.
 *
 * Locking: none of its own. operation.c and dial.c let one thread at a time use a Connecting. The fields of a
 * BlockingConnect belong to its job until job_done().
 */
#include "backends/socket/connect.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "backends/core/async.h"
#include "backends/core/credentials.h"
#include "backends/core/host.h"
#include "backends/core/refusal.h"
#include "backends/socket/path.h"
#include "backends/socket/resolve.h"

typedef struct BlockingConnect BlockingConnect;

struct Connecting {
	const Network *network;
	int protocol;
	Caller caller; /* owned */
	Socket *bound; /* a reference; or NULL */
	int (*prepare)(Socket *socket, void *data);
	void *data;
	int64_t serial, step; /* parts of its key: each step waits under a key of its own */

	Resolve *resolve; /* owned, as `walk`: the look-up; or NULL */
	PathWalk *walk;
	Address given;  /* the address, if the text gives it in full */
	Address walked; /* the address of the socket that the path leads to ... */
	int path;       /* ... which this descriptor keeps open; or -1 */
	const Address *addresses;
	size_t count, next; /* next: the index of the address to be tried next */

	Socket *socket;            /* a reference; being connected to addresses[next - 1]; or NULL */
	BlockingConnect *blocking; /* the job that connects `socket`; or NULL */
	int first_error;           /* the error of the first address, negative, and the index of that address */
	size_t first_failed;
};

/* -- Blocking connects --------------------------------------------------------------------------------------------- */

enum {
	BLOCKING_AT_ONCE = 256,
	BLOCKING_USER = 1024,
	CHECK_MS = 100 /* how often a blocking connect(2) returns to check whether a request still waits for it */
};

struct BlockingConnect {
	AsyncJob job;
	Caller caller;  /* owned */
	Socket *socket; /* a reference */
	Address address;
	int path; /* owned; or -1 */
	int result;
};

static void blocking_connect_run(AsyncJob *job)
{
	BlockingConnect *blocking = (BlockingConnect *)job;
	const struct timeval interval = {.tv_usec = CHECK_MS * 1000}, never = {0};
	const int fd = blocking->socket->fd, flags = fcntl(fd, F_GETFL);

	/* All other users of this socket pass MSG_DONTWAIT with each call. */
	fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &interval, sizeof interval);
	blocking->result = creds_override(&blocking->caller);
	if (blocking->result == 0) {
		do
			blocking->result = connect(fd, &blocking->address.any, blocking->address.length) ? -errno : 0;
		while (blocking->result == -EAGAIN && !job_detached(job));
	}
	creds_revert();
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &never, sizeof never);
	fcntl(fd, F_SETFL, flags);
}

static void blocking_connect_free(AsyncJob *job)
{
	BlockingConnect *blocking = (BlockingConnect *)job;

	if (blocking->path >= 0)
		close(blocking->path);
	socket_unref(blocking->socket);
	creds_clear(&blocking->caller);
	g_free(blocking);
}

static JobClass blocking_connects = {
	.quota = {.what = "connections to paths, or to servers with a full backlog",
		  .remedy = "wait for some to end",
		  .error = ENFILE,
		  .user_max = BLOCKING_USER},
	.threads_user_max = BLOCKING_AT_ONCE,
	.run = blocking_connect_run,
	.end = blocking_connect_free,
};

/* -- Beginning and ending ------------------------------------------------------------------------------------------ */

static void fill_key(const Connecting *connecting, int64_t key[4])
{
	static const char ours;

	key[0] = (int64_t)(intptr_t)&ours;
	key[1] = connecting->serial;
	key[2] = connecting->step;
	key[3] = 0;
}

/* Parses the address, and begins its look-up if it needs one. */
static int begin_lookup(Connecting *connecting, const char *text)
{
	int result = address_parse(connecting->network, text, false, &connecting->given);
	int64_t key[4];

	fill_key(connecting, key);
	if (result == -EAGAIN)
		return resolve_begin(connecting->network, connecting->protocol, text, false, connecting->caller.uid,
				     key, &connecting->resolve);
	if (result < 0)
		return result;
	if (connecting->network->local && connecting->given.local.sun_path[0] != '\0') {
		result = path_check_caller(&connecting->caller);
		if (result < 0)
			return result;
		return path_walk_begin(connecting->given.local.sun_path, &connecting->caller, key, &connecting->walk);
	}
	connecting->addresses = &connecting->given;
	connecting->count = 1;
	return address_check_family(connecting->network, connecting->protocol, &connecting->given);
}

int connecting_begin(const Network *network, int protocol, const char *text, const Caller *caller, Socket *bound,
		     int (*prepare)(Socket *socket, void *data), void *data, Connecting **out)
{
	static int64_t serials; /* atomic */
	Connecting *connecting = g_new0(Connecting, 1);
	int result;

	connecting->network = network;
	connecting->protocol = protocol;
	connecting->bound = bound ? socket_ref(bound) : NULL;
	connecting->prepare = prepare;
	connecting->data = data;
	connecting->serial = __atomic_fetch_add(&serials, 1, __ATOMIC_RELAXED);
	connecting->path = -1;
	creds_copy(&connecting->caller, caller);
	result = begin_lookup(connecting, text);
	if (result < 0)
		connecting_free(connecting);
	else
		*out = connecting;
	return result;
}

void connecting_free(Connecting *connecting)
{
	if (!connecting)
		return;
	resolve_free(connecting->resolve);
	path_walk_free(connecting->walk);
	if (connecting->blocking)
		job_detach(&connecting->blocking->job);
	socket_unref(connecting->socket);
	socket_unref(connecting->bound);
	if (connecting->path >= 0)
		close(connecting->path);
	creds_clear(&connecting->caller);
	g_free(connecting);
}

/* -- Steps --------------------------------------------------------------------------------------------------------- */

static bool is_link_local(const Address *address)
{
	return address->any.sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&address->v6.sin6_addr);
}

/* Notes the reason for the error of the address that counts. */
static int refuse_connect(const Connecting *connecting, int error)
{
	const bool local = connecting->network->local;
	char text[ADDRESS_TEXT_MAX + 1];

	address_print(connecting->network,
		      local ? &connecting->given : &connecting->addresses[connecting->first_failed], text);
	switch (-error) {
	case ECONNREFUSED:
		return refuse(ECONNREFUSED, "no socket listens at %s", text);
	case ETIMEDOUT:
		return refuse(ETIMEDOUT, "%s does not answer", text);
	case ENETUNREACH:
	case EHOSTUNREACH:
		return refuse(-error, "no route to %s", text);
	case EPROTOTYPE:
		return refuse(EPROTOTYPE, "wrong type of socket at %s: use unix, unixgram or unixpacket", text);
	}
	if (refusal_noted())
		return error;
	if (error == -EAFNOSUPPORT && connecting->bound)
		return refuse(EAFNOSUPPORT,
			      "conversation is bound to another family than that of %s: write hangup first", text);
	if (error == -EACCES && !local)
		return refuse(EACCES, "%s is a broadcast address: write 1 to options/broadcast first", text);
	if (error == -EINVAL && !local && is_link_local(&connecting->addresses[connecting->first_failed]))
		return refuse(EINVAL, "link-local address without an interface: add it, as in [fe80::1%%eth0]:80");
	if (error == -EACCES)
		return refuse(EACCES, "no permission for %s: check its mode and the modes of its directories", text);
	return refuse(-error, "%s: %s", text, g_strerror(-error));
}

/* Takes the result of the look-up. 0, -EAGAIN, or another negative errno. */
static int finish_lookup(Connecting *connecting)
{
	int result;

	if (connecting->count)
		return 0;
	if (connecting->resolve)
		return resolve_result(connecting->resolve, &connecting->addresses, &connecting->count);
	result = path_walk_result(connecting->walk);
	if (result < 0)
		return result == -EAGAIN ? result : refuse_connect(connecting, result);
	connecting->path = result;
	path_address(result, &connecting->walked);
	connecting->addresses = &connecting->walked;
	connecting->count = 1;
	return 0;
}

/*
 * Chooses the socket to connect to an address. For a bound IPv6 socket an IPv4 address is replaced by the v4-mapped
 * one. Called with the caller's credentials.
 */
static int choose_socket(Connecting *connecting, Address *address)
{
	Socket *bound = connecting->bound;
	int result;

	if (!bound) {
		result = socket_new(connecting->network, connecting->protocol, address->any.sa_family,
				    &connecting->socket);
		if (result == 0 && connecting->prepare)
			result = connecting->prepare(connecting->socket, connecting->data);
		return result;
	}
	if (bound->family == AF_INET6 && address->any.sa_family == AF_INET) {
		const struct sockaddr_in v4 = address->v4;

		*address = (Address){.length = sizeof address->v6};
		address->v6.sin6_family = AF_INET6;
		address->v6.sin6_port = v4.sin_port;
		memset(address->v6.sin6_addr.s6_addr + 10, 0xff, 2);
		memcpy(address->v6.sin6_addr.s6_addr + 12, &v4.sin_addr, 4);
	}
	if (address->any.sa_family != bound->family)
		return -EAFNOSUPPORT;
	connecting->socket = socket_ref(bound);
	return 0;
}

/* Starts a job that connects to a path, or that waits for room in a full backlog. -EAGAIN: it is started. */
static int start_blocking_connect(Connecting *connecting, const Address *address)
{
	BlockingConnect *blocking = g_new0(BlockingConnect, 1);
	int64_t key[4];
	int result;

	creds_copy(&blocking->caller, &connecting->caller);
	blocking->socket = socket_ref(connecting->socket);
	blocking->address = *address;
	blocking->path = connecting->path;
	blocking->result = -ENOMEM;
	connecting->path = -1;
	fill_key(connecting, key);
	result = job_start(&blocking->job, &blocking_connects, connecting->caller.uid, key);
	if (result < 0)
		blocking_connect_free(&blocking->job);
	else
		connecting->blocking = blocking;
	return result < 0 ? result : -EAGAIN;
}

/* The result of the address that is being connected to: 0, -EAGAIN, or another negative errno. */
static int connect_result(Connecting *connecting)
{
	struct pollfd fd = {.fd = connecting->socket->fd, .events = POLLOUT};
	int error = 0;
	socklen_t size = sizeof error;

	BlockingConnect *blocking = connecting->blocking;

	if (blocking && !job_done(&blocking->job))
		return -EAGAIN;
	if (blocking)
		return blocking->result == -EAGAIN ? -ETIMEDOUT : blocking->result;
	if (poll(&fd, 1, 0) != 1)
		return -EAGAIN;
	getsockopt(fd.fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return -error;
}

/*
 * Begins to connect to the next address. 0: connected; -EAGAIN: in progress; *final: an error that every other address
 * would give as well.
 */
static int connect_next(Connecting *connecting, bool *final)
{
	Address address = connecting->addresses[connecting->next++];
	int result = creds_override(&connecting->caller);

	connecting->step++;
	/* Raw IP has no ports, but with port 0 getpeername(2) fails as if the socket were not connected. */
	if (connecting->network->type == SOCK_RAW && address.any.sa_family == AF_INET)
		address.v4.sin_port = htons((uint16_t)connecting->protocol);
	else if (connecting->network->type == SOCK_RAW)
		address.v6.sin6_port = htons((uint16_t)connecting->protocol);
	if (result == 0) {
		result = choose_socket(connecting, &address);
		*final = result < 0 && result != -EAFNOSUPPORT;
		if (result == 0 && connecting->path < 0 &&
		    connect(connecting->socket->fd, &address.any, address.length))
			result = -errno;
		creds_revert();
	}
	/* An address on this machine has answered by now. */
	if (result == -EINPROGRESS)
		return connect_result(connecting);
	/* The job starts with the ids of this thread, so the thread must be the daemon again. */
	if (result == 0 && connecting->path >= 0)
		return start_blocking_connect(connecting, &address);
	if (result == -EAGAIN && connecting->network->local)
		return start_blocking_connect(connecting, &address);
	/* TCP has no local port left. */
	return result == -EAGAIN ? -EADDRNOTAVAIL : result;
}

/*
 * Drops a socket whose connection was refused. A TCP socket that is to be used again has to be disconnected first:
 * otherwise the next connect(2) only reports the old failure (ECONNABORTED). A disconnected socket stays bound.
 */
static void drop_socket(Connecting *connecting)
{
	const struct sockaddr nothing = {.sa_family = AF_UNSPEC};
	int64_t key[4];

	/* A request that was told to watch the descriptor, and has not begun to, has to ask again. */
	fill_key(connecting, key);
	host_wake(key);
	if (connecting->bound && !connecting->network->local)
		connect(connecting->bound->fd, &nothing, sizeof nothing);
	socket_unref(g_steal_pointer(&connecting->socket));
}

int connecting_try(Connecting *connecting, Socket **out)
{
	int result = finish_lookup(connecting);
	bool final = false;

	if (result < 0)
		return result;
	result = connecting->socket ? connect_result(connecting) : connect_next(connecting, &final);
	while (result < 0 && result != -EAGAIN && !final) {
		/*
		 * The look-up returns the best address first. Its error says more than "no route" to another address.
		 */
		if (connecting->first_error == 0) {
			connecting->first_error = result;
			connecting->first_failed = connecting->next - 1;
		}
		drop_socket(connecting);
		if (connecting->next == connecting->count)
			return refuse_connect(connecting, connecting->first_error);
		result = connect_next(connecting, &final);
	}
	if (result == 0)
		*out = g_steal_pointer(&connecting->socket);
	if (!final)
		return result;
	connecting->first_failed = connecting->next - 1;
	return refuse_connect(connecting, result);
}

void connecting_wait(Connecting *connecting, Wait *out)
{
	/* A job wakes by the key alone. */
	const bool watched = connecting->socket && !connecting->blocking;

	*out = (Wait){.how = WAIT_FD, .fd = watched ? connecting->socket->fd : -1, .events = EPOLLOUT};
	fill_key(connecting, out->key);
}

bool connecting_has_steps(const Connecting *connecting)
{
	return !connecting->socket || connecting->next < connecting->count;
}
