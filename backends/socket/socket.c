/*
 * Credentials. Who receives from a unix socket may ask who sends (SO_PASSCRED, unix(7)). Where the sender does not say, the kernel
 * notes the *real* ids of the sending thread, which are the daemon's: a user's message would come from root, whom systemd and
 * others believe. So each message says whom it is from: the kernel lets root say so for others.
 *
 * Locking: `lock`, "the sockets lock", guards the counts of sockets. Each socket has a lock of its own, `taking`, under which one
 * message is looked at and taken; the calls under it never sleep.
 */
#include "backends/socket/socket.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backends/core/host.h"
#include "backends/core/refusal.h"

enum {
	SOCKETS_USER_MAX = 16384,
	/* Headers count where a field in them has the length of all, as in UDP and IPv4. */
	INTERNET_LARGEST = 65535,
	UDP_HEADER = 8,
	IPV4_HEADER = 20,
	WORTH_A_LOOK = 32768, /* bytes */
};

static GMutex lock;
static GHashTable *counts; /* Protected by lock. uid -> how many */

/* A user may have a quarter of the descriptors that the daemon may have. */
static guint user_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 256;
	return (guint)MIN(limit.rlim_cur / 4, (rlim_t)SOCKETS_USER_MAX);
}

int socket_charge(uid_t uid)
{
	gpointer key = GUINT_TO_POINTER(uid);
	bool granted;
	guint count;

	g_mutex_lock(&lock);
	if (!counts)
		counts = g_hash_table_new(NULL, NULL);
	count = GPOINTER_TO_UINT(g_hash_table_lookup(counts, key));
	granted = uid == 0 || count < user_max();
	if (granted)
		g_hash_table_insert(counts, key, GUINT_TO_POINTER(count + 1));
	g_mutex_unlock(&lock);
	if (granted)
		return 0;
	return refuse(ENFILE, "you have %u sockets, and files on unix ones, here already", user_max());
}

void socket_discharge(uid_t uid)
{
	gpointer key = GUINT_TO_POINTER(uid);
	guint count;

	g_mutex_lock(&lock);
	count = GPOINTER_TO_UINT(g_hash_table_lookup(counts, key));
	if (count > 1)
		g_hash_table_insert(counts, key, GUINT_TO_POINTER(count - 1));
	else
		g_hash_table_remove(counts, key);
	g_mutex_unlock(&lock);
}

/* What socket(2) or accept(2) has said. */
static int refuse_new(const Network *network, int error)
{
	if (error == EPERM && network->type == SOCK_RAW)
		return refuse(EPERM, "raw sockets are for who has CAP_NET_RAW");
	/* Not the caller's own limit. */
	if (error == EMFILE || error == ENFILE)
		return refuse(ENFILE, "the daemon has no descriptor left");
	return -error;
}

static Socket *socket_of(const Network *network, int fd, int protocol, int family, uid_t uid)
{
	static gint64 last;
	Socket *new = g_new0(Socket, 1);

	new->fd = fd;
	new->network = network;
	new->protocol = protocol;
	new->family = family;
	new->uid = uid;
	new->refs = 1;
	new->serial = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
	g_mutex_init(&new->taking);
	/* See take(). */
	if (network->type == SOCK_SEQPACKET)
		setsockopt(fd, SOL_SOCKET, SO_TIMESTAMP, &(int){1}, sizeof(int));
	return new;
}

int socket_new(const Network *network, int protocol, int family, Socket **out)
{
	uid_t uid = geteuid();
	int fd, error = socket_charge(uid);

	if (error < 0)
		return error;
	fd = socket(family,
		    network->type | SOCK_CLOEXEC | (network->type == SOCK_DGRAM && network->local ? 0 : SOCK_NONBLOCK),
		    protocol);
	error = errno;
	if (fd < 0) {
		socket_discharge(uid);
		return refuse_new(network, error);
	}
	*out = socket_of(network, fd, protocol, family, uid);
	return 0;
}

int socket_adopt(const Network *network, int fd, uid_t uid, Socket **out)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof address;
	int result = socket_charge(uid);

	if (result < 0) {
		close(fd);
		return result;
	}
	if (getsockname(fd, (struct sockaddr *)&address, &length))
		address.ss_family = AF_UNSPEC;
	*out = socket_of(network, fd, 0, address.ss_family, uid);
	return 0;
}

int socket_accept(Socket *listening, Socket **out)
{
	const Network *network = listening->network;
	uid_t uid = geteuid();
	int fd, error = socket_charge(uid);

	if (error < 0)
		return error;
	/* Of one that has gone again while it waited another one may be behind it (accept(2), "Error handling"). */
	do
		fd = accept4(listening->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	while (fd < 0 && (errno == ECONNABORTED || errno == EINTR));
	error = errno;
	if (fd < 0) {
		socket_discharge(uid);
		return refuse_new(network, error);
	}
	*out = socket_of(network, fd, listening->protocol, listening->family, uid);
	return 0;
}

Socket *socket_ref(Socket *socket)
{
	g_atomic_int_inc(&socket->refs);
	return socket;
}

void socket_unref(Socket *socket)
{
	if (!socket || !g_atomic_int_dec_and_test(&socket->refs))
		return;
	close(socket->fd);
	socket_discharge(socket->uid);
	g_mutex_clear(&socket->taking);
	g_free(socket);
}

/* -- Sending -------------------------------------------------------------------------------------------------------- */

/* sendmsg(2) that says it is from this process of this user; the kernel's verdict whether the daemon may say so. */
static ssize_t send_from(Socket *socket, struct msghdr *message, pid_t pid, const Caller *from, int flags)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control = {0};
	const struct ucred credentials = {.pid = pid, .uid = from->uid, .gid = from->gid};

	message->msg_control = &control;
	message->msg_controllen = sizeof control.room;
	*CMSG_FIRSTHDR(message) = (struct cmsghdr){
		.cmsg_len = CMSG_LEN(sizeof credentials),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_CREDENTIALS,
	};
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(message)), &credentials, sizeof credentials);
	return sendmsg(socket->fd, message, flags);
}

ssize_t socket_send(Socket *socket, const Caller *from, const Address *to, const char *bytes, size_t n, BlockMode block)
{
	const int flags = MSG_NOSIGNAL | (block == BLOCK ? 0 : MSG_DONTWAIT);
	struct iovec piece = {.iov_base = (char *)bytes, .iov_len = n};
	struct msghdr message = {
		.msg_name = to ? (void *)&to->storage : NULL,
		.msg_namelen = to ? to->length : 0,
		.msg_iov = &piece,
		.msg_iovlen = 1,
	};
	ssize_t sent = -1;

	if (!socket->network->local) {
		sent = sendmsg(socket->fd, &message, flags);
		return sent < 0 ? -errno : sent;
	}
	errno = ESRCH;
	if (from->pid > 0)
		sent = send_from(socket, &message, from->pid, from, flags);
	/* The process has ended, or is none that the daemon sees: then it is the daemon's, but still that user's. */
	if (sent < 0 && (errno == ESRCH || errno == EPERM))
		sent = send_from(socket, &message, getpid(), from, flags);
	return sent < 0 ? -errno : sent;
}

/* -- Receiving ------------------------------------------------------------------------------------------------------ */

/* Whether bytes are queued: then recv(2) gives those, and neither the end nor an error, which it would tell only once. */
static bool has_bytes(Socket *socket)
{
	int queued;

	return ioctl(socket->fd, FIONREAD, &queued) == 0 && queued > 0;
}

/* To who receives much at a time each read costs so much that one more look, at what has come meanwhile, is worth it. */
ssize_t socket_receive(Socket *socket, char *buf, size_t room)
{
	ssize_t n = recv(socket->fd, buf, room, MSG_DONTWAIT), more = n;

	if (n < 0)
		return -errno;
	while (more >= WORTH_A_LOOK && (size_t)n < room && has_bytes(socket)) {
		more = recv(socket->fd, buf + n, room - (size_t)n, MSG_DONTWAIT);
		n += MAX(more, 0);
	}
	return n;
}

/* The length of the next message, which stays; 0 also at the end; or a negative errno. */
static ssize_t next_length(Socket *socket)
{
	ssize_t n = recv(socket->fd, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);

	return n < 0 ? -errno : n;
}

/*
 * Called with `taking` held. The end of packets looks like a message of no bytes, but a message has a time, which socket_of() has
 * asked for. There is room for nothing else, such as descriptors from the peer: those the kernel drops.
 */
static ssize_t take(Socket *socket, char *buf, size_t room, Address *from, bool *end)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct timeval))];
	} control;
	struct iovec piece = {.iov_base = buf, .iov_len = room};
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
	const bool ends = socket->network->type == SOCK_SEQPACKET;
	ssize_t n;

	if (room < INTERNET_LARGEST || socket->network->local) {
		n = next_length(socket);
		if (n > (ssize_t)room)
			return -E2BIG;
		if (n < 0)
			return n;
	}
	if (from) {
		message.msg_name = &from->storage;
		message.msg_namelen = sizeof from->storage;
	}
	if (ends) {
		message.msg_control = &control;
		message.msg_controllen = sizeof control.room;
	}
	n = recvmsg(socket->fd, &message, MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	if (from)
		from->length = message.msg_namelen;
	*end = n == 0 && ends && message.msg_controllen == 0;
	return n;
}

/* Of datagrams that are shut down for reading the kernel says "not now" for ever, and to poll(2) that there is something. */
static bool is_shut_down(Socket *socket)
{
	struct pollfd fd = {.fd = socket->fd, .events = POLLRDHUP};

	return poll(&fd, 1, 0) == 1 && fd.revents & POLLRDHUP;
}

ssize_t socket_receive_message(Socket *socket, char *buf, size_t room, Address *from, bool *end)
{
	ssize_t n;

	*end = false;
	g_mutex_lock(&socket->taking);
	n = take(socket, buf, room, from, end);
	if (n == -EAGAIN && is_shut_down(socket)) {
		/* Something may have come just before it was. */
		n = take(socket, buf, room, from, end);
		if (n == -EAGAIN) {
			*end = true;
			n = 0;
		}
	}
	g_mutex_unlock(&socket->taking);
	return n;
}

ssize_t socket_largest(Socket *socket)
{
	int room;
	socklen_t size = sizeof room;
	ssize_t next;

	if (socket->network->type == SOCK_RAW)
		return INTERNET_LARGEST;
	if (!socket->network->local)
		return INTERNET_LARGEST - UDP_HEADER - (socket->family == AF_INET ? IPV4_HEADER : 0);
	if (getsockopt(socket->fd, SOL_SOCKET, SO_SNDBUF, &room, &size))
		return -errno;
	/* What is queued was sent from another socket's room. An error is told once, and so is not to be lost here. */
	next = next_length(socket);
	return next < 0 && next != -EAGAIN && next != -ENOTCONN ? next : MAX(next, (ssize_t)room);
}

ssize_t socket_largest_to(Socket *socket, const Address *to)
{
	ssize_t largest = socket_largest(socket);
	int whole = 0;
	socklen_t size = sizeof whole;
	Address peer;

	if (socket->network->local || largest < 0)
		return largest;
	if (!to && socket_remote(socket, &peer) == 0)
		to = &peer;
	/* An IPv6 socket may send to IPv4. */
	if (to && socket->family == AF_INET6 &&
	    (to->any.sa_family == AF_INET || IN6_IS_ADDR_V4MAPPED(&to->v6.sin6_addr)))
		return largest - IPV4_HEADER;
	if (socket->network->type == SOCK_RAW && socket->family == AF_INET)
		getsockopt(socket->fd, IPPROTO_IP, IP_HDRINCL, &whole, &size);
	else
		whole = 1;
	return whole ? largest : largest - IPV4_HEADER;
}

/* -- Waiting -------------------------------------------------------------------------------------------------------- */

int socket_poll(Socket *socket, bool reads, bool writes)
{
	struct pollfd fd = {
		.fd = socket->fd,
		.events = (short)((reads ? POLLIN | POLLRDHUP : 0) | (writes ? POLLOUT : 0)),
	};
	int events;

	if (poll(&fd, 1, 0) != 1)
		return 0;
	events = fd.revents;
	if (events & POLLIN)
		events |= POLLRDNORM;
	if (events & POLLOUT)
		events |= POLLWRNORM;
	return events;
}

/* Beside the directions: HANGUP, while the other end has not even shut down its writing. Once it has, that would be told for ever. */
enum { HALF_CLOSING = OPENING + 1 };

static void fill_key(const Socket *socket, int what, int64_t key[4])
{
	static const char ours;

	key[0] = (int64_t)(intptr_t)&ours;
	key[1] = socket->serial;
	key[2] = what;
	key[3] = 0;
}

void socket_wait(Socket *socket, Direction direction, Wait *out)
{
	const int what = direction == HANGUP && !is_shut_down(socket) ? HALF_CLOSING : (int)direction;

	*out = (Wait){
		.how = WAIT_FD,
		.fd = socket->fd,
		/* Hang-ups are told of in any case. */
		.events = what == READING      ? EPOLLIN | EPOLLRDHUP :
			  what == HALF_CLOSING ? EPOLLRDHUP :
			  what == HANGUP       ? 0 :
						 EPOLLOUT,
	};
	fill_key(socket, what, out->key);
}

void socket_wake(Socket *socket)
{
	for (int what = READING; what <= HALF_CLOSING; what++) {
		int64_t key[4];

		fill_key(socket, what, key);
		host_wake(key);
	}
}

/* -- Addresses ------------------------------------------------------------------------------------------------------ */

int socket_local(Socket *socket, Address *out)
{
	*out = (Address){.length = sizeof out->storage};
	return getsockname(socket->fd, &out->any, &out->length) ? -errno : 0;
}

int socket_remote(Socket *socket, Address *out)
{
	*out = (Address){.length = sizeof out->storage};
	return getpeername(socket->fd, &out->any, &out->length) ? -errno : 0;
}
