/*
 * The steps of connecting, each of which waits for something else:
 *
 *	a look-up	of a name, or of a path, on a thread of its own; nothing for an address that says all
 *	an answer	from an address that is connected to; where it refuses, the next one is tried; from a path on a thread, too:
 *			the kernel checks its mode anew, and may have to ask a file system that does not answer
 *	a place		in the backlog of a unix server that is full: only a connect(2) that sleeps is told of one
 *
 * Nothing is lost where who asked lets go in between: what is on a thread is finished there for nobody.
 */
#include "backends/socket/connect.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "backends/core/host.h"
#include "backends/core/async.h"
#include "backends/core/credentials.h"
#include "backends/socket/path.h"
#include "backends/socket/resolve.h"
#include "backends/core/refusal.h"

typedef struct Place Place;

struct Connecting {
	const Network *network;
	int protocol;
	Caller caller; /* owned */
	Socket *bound; /* held; or NULL */
	int (*prepare)(Socket *socket, void *data);
	void *data;
	int64_t serial, step; /* for its key: each step waits for something else */

	Resolve *resolve; /* owned, as `walk`: the look-up, or NULL */
	PathWalk *walk;
	Address given; /* what the text says, where it says all */
	Address found; /* where the path in it has led to: */
	int path;      /* this descriptor; or -1 */
	const Address *addresses;
	size_t n, at; /* at: which is next */

	Socket *socket; /* held; what is being connected, to addresses[at - 1]; or NULL */
	Place *place;   /* that it waits for; or NULL */
	int error;      /* what the first address has met, negative; and which it was */
	size_t failed;
};

/* -- Paths, and places in a backlog -------------------------------------------------------------------------------------- */

enum {
	PLACES_AT_ONCE = 256,
	PLACES_USER = 1024,
	LOOK_MS = 100 /* how often it is seen whether anybody still waits for it */
};

struct Place {
	AsyncJob errand;
	Caller caller;  /* owned */
	Socket *socket; /* held */
	Address address;
	int path; /* owned; or -1 */
	int result;
};

static void place_run(AsyncJob *errand)
{
	Place *place = (Place *)errand;
	const struct timeval look = {.tv_usec = LOOK_MS * 1000}, never = {0};
	const int fd = place->socket->fd, flags = fcntl(fd, F_GETFL);

	/* Whoever else has this socket asks not to sleep each time (MSG_DONTWAIT). */
	fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &look, sizeof look);
	place->result = creds_override(&place->caller);
	if (place->result == 0) {
		do
			place->result = connect(fd, &place->address.any, place->address.length) ? -errno : 0;
		while (place->result == -EAGAIN && !job_detached(errand));
	}
	creds_revert();
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &never, sizeof never);
	fcntl(fd, F_SETFL, flags);
}

static void place_end(AsyncJob *errand)
{
	Place *place = (Place *)errand;

	if (place->path >= 0)
		close(place->path);
	socket_unref(place->socket);
	creds_clear(&place->caller);
	g_free(place);
}

static JobClass places = {
	.quota = {.what = "connections to paths, or to servers with a full backlog",
		  .remedy = "wait for some to end",
		  .error = ENFILE,
		  .user_max = PLACES_USER},
	.threads_user_max = PLACES_AT_ONCE,
	.run = place_run,
	.end = place_end,
};

/* -- Beginning and ending ----------------------------------------------------------------------------------------------- */

static void fill_key(const Connecting *connecting, int64_t key[4])
{
	static const char ours;

	key[0] = (int64_t)(intptr_t)&ours;
	key[1] = connecting->serial;
	key[2] = connecting->step;
	key[3] = 0;
}

static int check_family(const Connecting *connecting, const Address *address)
{
	if (connecting->network->type != SOCK_RAW)
		return 0;
	if (connecting->protocol == IPPROTO_ICMP && address->any.sa_family != AF_INET)
		return refuse(EAFNOSUPPORT, "icmp is of IPv4; that of IPv6 is ipv6-icmp");
	if (connecting->protocol == IPPROTO_ICMPV6 && address->any.sa_family != AF_INET6)
		return refuse(EAFNOSUPPORT, "ipv6-icmp is of IPv6; that of IPv4 is icmp");
	return 0;
}

/* Reads the address, and begins its look-up if it needs one. */
static int begin(Connecting *connecting, const char *text)
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
	connecting->n = 1;
	return check_family(connecting, &connecting->given);
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
	result = begin(connecting, text);
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
	if (connecting->place)
		job_detach(&connecting->place->errand);
	socket_unref(connecting->socket);
	socket_unref(connecting->bound);
	if (connecting->path >= 0)
		close(connecting->path);
	creds_clear(&connecting->caller);
	g_free(connecting);
}

/* -- Going on ----------------------------------------------------------------------------------------------------------- */

static bool is_link_local(const Address *address)
{
	return address->any.sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&address->v6.sin6_addr);
}

/* Says in words what the address that counts has met. */
static int refuse_connect(const Connecting *connecting, int error)
{
	const bool local = connecting->network->local;
	char text[ADDRESS_TEXT_MAX + 1];

	address_print(connecting->network, local ? &connecting->given : &connecting->addresses[connecting->failed],
		      text);
	switch (-error) {
	case ECONNREFUSED:
		return refuse(ECONNREFUSED, "nobody listens at %s", text);
	case ETIMEDOUT:
		return refuse(ETIMEDOUT, "%s does not answer", text);
	case ENETUNREACH:
	case EHOSTUNREACH:
		return refuse(-error, "there is no way from here to %s", text);
	case EPROTOTYPE:
		return refuse(EPROTOTYPE, "the socket at %s is of another kind: unix, unixgram or unixpacket", text);
	}
	if (refusal_noted())
		return error;
	if (error == -EAFNOSUPPORT && connecting->bound)
		return refuse(EAFNOSUPPORT,
			      "the conversation has an address of another family than %s: hangup ends that", text);
	if (error == -EACCES && !local)
		return refuse(EACCES, "%s is a broadcast address, which takes options/broadcast", text);
	if (error == -EINVAL && !local && is_link_local(&connecting->addresses[connecting->failed]))
		return refuse(EINVAL, "every interface has addresses like this: say which, as in [fe80::1%%eth0]:80");
	if (error == -EACCES)
		return refuse(EACCES, "the mode of %s, or of a directory above it, keeps you out", text);
	return refuse(-error, "%s: %s", text, g_strerror(-error));
}

/* Takes what the look-up has found. 0, -EAGAIN, or another negative errno. */
static int look_up(Connecting *connecting)
{
	int result;

	if (connecting->n)
		return 0;
	if (connecting->resolve)
		return resolve_result(connecting->resolve, &connecting->addresses, &connecting->n);
	result = path_walk_result(connecting->walk);
	if (result < 0)
		return result == -EAGAIN ? result : refuse_connect(connecting, result);
	connecting->path = result;
	path_address(result, &connecting->found);
	connecting->addresses = &connecting->found;
	connecting->n = 1;
	return 0;
}

/* The socket to connect to an address, which is changed to be of its family. As the caller. */
static int take_socket(Connecting *connecting, Address *address)
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

/* On a thread: to a path, or to wait for a place where the backlog is full. -EAGAIN: it is on its way. */
static int go(Connecting *connecting, const Address *address)
{
	Place *place = g_new0(Place, 1);
	int64_t key[4];
	int result;

	creds_copy(&place->caller, &connecting->caller);
	place->socket = socket_ref(connecting->socket);
	place->address = *address;
	place->path = connecting->path;
	place->result = -ENOMEM;
	connecting->path = -1;
	fill_key(connecting, key);
	result = job_start(&place->errand, &places, connecting->caller.uid, key);
	if (result < 0)
		place_end(&place->errand);
	else
		connecting->place = place;
	return result < 0 ? result : -EAGAIN;
}

/* What the address that is being connected to says: 0, -EAGAIN, or another negative errno. */
static int hear(Connecting *connecting)
{
	struct pollfd fd = {.fd = connecting->socket->fd, .events = POLLOUT};
	int error = 0;
	socklen_t size = sizeof error;

	Place *place = connecting->place;

	if (place && !job_done(&place->errand))
		return -EAGAIN;
	if (place)
		return place->result == -EAGAIN ? -ETIMEDOUT : place->result;
	if (poll(&fd, 1, 0) != 1)
		return -EAGAIN;
	getsockopt(fd.fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return -error;
}

/*
 * Begins to connect to the next address. 0: it is; -EAGAIN: it is on its way; *final: a failure that the others would meet as
 * well.
 */
static int connect_next(Connecting *connecting, bool *final)
{
	Address address = connecting->addresses[connecting->at++];
	int result = creds_override(&connecting->caller);

	connecting->step++;
	/* Raw IP has no ports, but without one getpeername(2) says that there is no connection. */
	if (connecting->network->type == SOCK_RAW && address.any.sa_family == AF_INET)
		address.v4.sin_port = htons((uint16_t)connecting->protocol);
	else if (connecting->network->type == SOCK_RAW)
		address.v6.sin6_port = htons((uint16_t)connecting->protocol);
	if (result == 0) {
		result = take_socket(connecting, &address);
		*final = result < 0 && result != -EAFNOSUPPORT;
		if (result == 0 && connecting->path < 0 &&
		    connect(connecting->socket->fd, &address.any, address.length))
			result = -errno;
		creds_revert();
	}
	/* What is on this machine has answered by now. */
	if (result == -EINPROGRESS)
		return hear(connecting);
	/* Not before this thread is the daemon again, whose ids the other one is to begin with. */
	if (result == 0 && connecting->path >= 0)
		return go(connecting, &address);
	if (result == -EAGAIN && connecting->network->local)
		return go(connecting, &address);
	/* TCP has no local port left. */
	return result == -EAGAIN ? -EADDRNOTAVAIL : result;
}

/*
 * Done with a socket that was refused. One that is to be used again is told so: the next connect(2) of a TCP socket says no more than
 * that this one has failed (ECONNABORTED), unless the socket is disconnected, which leaves it bound.
 */
static void let_go(Connecting *connecting)
{
	const struct sockaddr nothing = {.sa_family = AF_UNSPEC};
	int64_t key[4];

	/* Whoever was told to watch its descriptor, and does not yet, is to ask again. */
	fill_key(connecting, key);
	host_wake(key);
	if (connecting->bound && !connecting->network->local)
		connect(connecting->bound->fd, &nothing, sizeof nothing);
	socket_unref(g_steal_pointer(&connecting->socket));
}

int connecting_try(Connecting *connecting, Socket **out)
{
	int result = look_up(connecting);
	bool final = false;

	if (result < 0)
		return result;
	result = connecting->socket ? hear(connecting) : connect_next(connecting, &final);
	while (result < 0 && result != -EAGAIN && !final) {
		/* The first is the best of them: what it says tells more than "no way to its other address". */
		if (connecting->error == 0) {
			connecting->error = result;
			connecting->failed = connecting->at - 1;
		}
		let_go(connecting);
		if (connecting->at == connecting->n)
			return refuse_connect(connecting, connecting->error);
		result = connect_next(connecting, &final);
	}
	if (result == 0)
		*out = g_steal_pointer(&connecting->socket);
	if (!final)
		return result;
	connecting->failed = connecting->at - 1;
	return refuse_connect(connecting, result);
}

void connecting_wait(Connecting *connecting, Wait *out)
{
	/* What is on a thread wakes by the key alone. */
	const bool watched = connecting->socket && !connecting->place;

	*out = (Wait){.how = WAIT_FD, .fd = watched ? connecting->socket->fd : -1, .events = EPOLLOUT};
	fill_key(connecting, out->key);
}

bool connecting_has_steps(const Connecting *connecting)
{
	return !connecting->socket || connecting->at < connecting->n;
}
