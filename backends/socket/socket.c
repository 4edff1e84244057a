/*
 * The daemon's sockets (socket.h): making, sending, receiving, waiting. Called by every file of this folder that uses
 * a socket.
 *
 * Credentials: the receiver of a message on a unix socket may ask who sends (SO_PASSCRED, unix(7)). By default the
 * kernel reports the *real* ids of the sending thread, which are the daemon's. A user's message would come from root,
 * and systemd and others would believe it. Each message therefore names its sender (SCM_CREDENTIALS), which the kernel
 * allows root to do.
 *
 * Locking: each socket has a receive_lock, held while one message is inspected and received; the calls under it never
 * sleep.
 */
#include "backends/socket/socket.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backends/core/host.h"
#include "backends/core/quota.h"
#include "backends/core/refusal.h"

enum {
	SOCKETS_USER_MAX = 16384,
	/* Headers count where a length field of the protocol includes them, as in UDP and IPv4. */
	INTERNET_LARGEST = 65535,
	UDP_HEADER = 8,
	IPV4_HEADER = 20,
	WORTH_A_LOOK = 32768, /* bytes */
};

static Quota quota; /* descriptors; see user_max() for its limit */

/* A user may use a quarter of the daemon's descriptors. */
static int64_t user_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 256;
	return (int64_t)MIN(limit.rlim_cur / 4, (rlim_t)SOCKETS_USER_MAX);
}

int socket_charge(uid_t uid)
{
	const int64_t most = uid == 0 ? INT64_MAX : user_max();

	if (quota_try(&quota, uid, 1, most))
		return 0;
	return refuse(ENFILE, "limit reached: %lld sockets and open files on unix sockets per user: close some",
		      (long long)most);
}

void socket_discharge(uid_t uid)
{
	quota_release(&quota, uid, 1);
}

/* Notes the reason for an error of socket(2) or accept(2). */
static int refuse_new(const Network *network, int error)
{
	if (error == EPERM && network->type == SOCK_RAW)
		return refuse(EPERM, "raw sockets need CAP_NET_RAW");
	/* The daemon's limit, not the caller's. */
	if (error == EMFILE || error == ENFILE)
		return refuse(ENFILE, "the daemon has no descriptor left");
	return -error;
}

static Socket *socket_wrap(const Network *network, int fd, int protocol, int family, uid_t uid)
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
	g_mutex_init(&new->receive_lock);
	/* See receive_next(). */
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
	*out = socket_wrap(network, fd, protocol, family, uid);
	return 0;
}

int socket_accept(Socket *listening, Socket **out)
{
	const Network *network = listening->network;
	uid_t uid = geteuid();
	int fd, error = socket_charge(uid);

	if (error < 0)
		return error;
	/*
	 * The waiting connection may have been aborted; another one may wait behind it (accept(2), "Error handling").
	 */
	do
		fd = accept4(listening->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	while (fd < 0 && (errno == ECONNABORTED || errno == EINTR));
	error = errno;
	if (fd < 0) {
		socket_discharge(uid);
		return refuse_new(network, error);
	}
	*out = socket_wrap(network, fd, listening->protocol, listening->family, uid);
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
	g_mutex_clear(&socket->receive_lock);
	g_free(socket);
}

/* -- Sending ------------------------------------------------------------------------------------------------------- */

/* sendmsg(2) in the name of process `pid` with the ids of `from`. The kernel decides whether the daemon may do so. */
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
	/*
	 * The process has ended, or the daemon does not see it. The message then names the daemon's process, but still
	 * that user.
	 */
	if (sent < 0 && (errno == ESRCH || errno == EPERM))
		sent = send_from(socket, &message, getpid(), from, flags);
	return sent < 0 ? -errno : sent;
}

/* -- Receiving ----------------------------------------------------------------------------------------------------- */

/*
 * Whether bytes are queued. Then recv(2) returns bytes, and neither the end nor an error, which it reports only once.
 */
static bool has_bytes(Socket *socket)
{
	int queued;

	return ioctl(socket->fd, FIONREAD, &queued) == 0 && queued > 0;
}

/* Each read of a fast receiver costs so much that one more recv(2), for bytes that came meanwhile, pays off. */
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

/* The length of the next message, which stays queued; 0 also at the end; or a negative errno. */
static ssize_t next_length(Socket *socket)
{
	ssize_t n = recv(socket->fd, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);

	return n < 0 ? -errno : n;
}

/*
 * Receives one message. At the end of a seqpacket connection recvmsg(2) returns 0, as for an empty message; but a
 * message has a timestamp, which socket_wrap() asked for. The control buffer has room for nothing else: the kernel
 * drops descriptors from the peer. Called with receive_lock held.
 */
static ssize_t receive_next(Socket *socket, char *buf, size_t room, Address *from, bool *end)
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

/*
 * For a datagram socket that is shut down for reading, recvmsg(2) returns EAGAIN for ever while poll(2) reports POLLIN.
 */
static bool is_shut_down(Socket *socket)
{
	struct pollfd fd = {.fd = socket->fd, .events = POLLRDHUP};

	return poll(&fd, 1, 0) == 1 && fd.revents & POLLRDHUP;
}

ssize_t socket_receive_message(Socket *socket, char *buf, size_t room, Address *from, bool *end)
{
	ssize_t n;

	*end = false;
	g_mutex_lock(&socket->receive_lock);
	n = receive_next(socket, buf, room, from, end);
	if (n == -EAGAIN && is_shut_down(socket)) {
		/* A message may have come just before the shutdown. */
		n = receive_next(socket, buf, room, from, end);
		if (n == -EAGAIN) {
			*end = true;
			n = 0;
		}
	}
	g_mutex_unlock(&socket->receive_lock);
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
	/*
	 * A queued message was sent from the buffer of another socket, so it may be longer than this one's. An error
	 * is reported only once and must not be lost here.
	 */
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
	/* An IPv6 socket may send to an IPv4 address. */
	if (to && socket->family == AF_INET6 &&
	    (to->any.sa_family == AF_INET || IN6_IS_ADDR_V4MAPPED(&to->v6.sin6_addr)))
		return largest - IPV4_HEADER;
	if (socket->network->type == SOCK_RAW && socket->family == AF_INET)
		getsockopt(socket->fd, IPPROTO_IP, IP_HDRINCL, &whole, &size);
	else
		whole = 1;
	return whole ? largest : largest - IPV4_HEADER;
}

/* -- Waiting ------------------------------------------------------------------------------------------------------- */

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

/*
 * A further kind of waiting, beside the directions: HANGUP before the peer has shut down its writing. Afterwards
 * EPOLLRDHUP would be reported for ever.
 */
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
		/* EPOLLHUP and EPOLLERR are always reported. */
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

/* -- Addresses ----------------------------------------------------------------------------------------------------- */

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
