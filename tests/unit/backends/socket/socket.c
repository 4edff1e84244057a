/* The daemon's sockets: the sender of a message, message boundaries, the end of a connection, the quota. */
#include "backends/socket/socket.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/core/credentials.h"
#include "backends/core/refusal.h"
#include "tests/unit/backends/socket/local_pair.h"

static const Caller nobody = {.uid = 65534, .gid = 65533};

static const Network *network(NetworkId id)
{
	const Object object = {.select = id};

	return network_of(&object);
}

/* Only root may send in the name of another user. */
static bool skip_unless_root(void)
{
	if (getuid() == 0)
		return false;
	g_test_skip("needs root");
	return true;
}

static Caller self(void)
{
	return (Caller){.uid = geteuid(), .gid = getegid(), .pid = getpid()};
}

/* A udp Socket on the loopback device, connected to a native peer. */
static Socket *udp_pair(int *peer)
{
	const Caller caller = self();
	struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof loopback;
	Address local;
	Socket *ours;

	*peer = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	g_assert_cmpint(bind(*peer, (struct sockaddr *)&loopback, sizeof loopback), ==, 0);
	g_assert_cmpint(getsockname(*peer, (struct sockaddr *)&loopback, &length), ==, 0);
	g_assert_cmpint(socket_new(network(NET_UDP), 0, AF_INET, &ours), ==, 0);
	g_assert_cmpint(connect(ours->fd, (struct sockaddr *)&loopback, sizeof loopback), ==, 0);
	g_assert_cmpint(socket_local(ours, &local), ==, 0);
	g_assert_cmpint(connect(*peer, &local.any, local.length), ==, 0);
	g_assert_cmpint(socket_send(ours, &caller, NULL, "x", 1, NONBLOCK), ==, 1);
	g_assert_cmpint(recv(*peer, &(char){0}, 1, 0), ==, 1);
	return ours;
}

/* -- Bytes ---------------------------------------------------------------------------------------------------------- */

static void test_bytes(void)
{
	const Caller caller = self();
	char buf[16];
	int peer;
	Socket *ours = local_pair(NET_UNIX, &peer);

	g_assert_cmpint(socket_receive(ours, buf, sizeof buf), ==, -EAGAIN);
	g_assert_cmpint(socket_poll(ours, true, true), ==, POLLOUT | POLLWRNORM);
	g_assert_cmpint(socket_send(ours, &caller, NULL, "hello", 5, NONBLOCK), ==, 5);
	g_assert_cmpint(recv(peer, buf, sizeof buf, 0), ==, 5);
	g_assert_cmpint(send(peer, "you", 3, 0), ==, 3);
	g_assert_cmpint(socket_poll(ours, true, false), ==, POLLIN | POLLRDNORM);
	g_assert_cmpint(socket_receive(ours, buf, 2), ==, 2);
	g_assert_cmpint(socket_receive(ours, buf, sizeof buf), ==, 1);
	close(peer);
	g_assert_cmpint(socket_receive(ours, buf, sizeof buf), ==, 0);
	g_assert_true(socket_poll(ours, true, false) & POLLHUP);
	/* Without SIGPIPE, which would end the test. */
	g_assert_cmpint(socket_send(ours, &caller, NULL, "x", 1, NONBLOCK), ==, -EPIPE);
	socket_unref(ours);
}

static void test_full(void)
{
	const Caller caller = self();
	char block[4096] = "";
	ssize_t n;
	int peer;
	Socket *ours = local_pair(NET_UNIX, &peer);

	do
		n = socket_send(ours, &caller, NULL, block, sizeof block, NONBLOCK);
	while (n > 0);
	g_assert_cmpint(n, ==, -EAGAIN);
	g_assert_cmpint(socket_poll(ours, true, true), ==, 0);
	socket_unref(ours);
	close(peer);
}

/* -- Messages ------------------------------------------------------------------------------------------------------- */

static const NetworkId message_networks[] = {NET_UNIXGRAM, NET_UNIXPACKET, NET_UDP};

static Socket *message_pair(NetworkId id, int *peer)
{
	return id == NET_UDP ? udp_pair(peer) : local_pair(id, peer);
}

static void expect(Socket *socket, size_t room, const char *expected)
{
	char buf[64];
	bool end = true;

	g_assert_cmpint(socket_receive_message(socket, buf, room, NULL, &end), ==, (ssize_t)strlen(expected));
	g_assert_cmpmem(buf, strlen(expected), expected, strlen(expected));
	g_assert_false(end);
}

static void expect_error(Socket *socket, size_t room, int error)
{
	char buf[64];
	bool end = true;

	g_assert_cmpint(socket_receive_message(socket, buf, room, NULL, &end), ==, -error);
	g_assert_false(end);
}

static void expect_end(Socket *socket)
{
	char buf[64];
	bool end = false;

	g_assert_cmpint(socket_receive_message(socket, buf, sizeof buf, NULL, &end), ==, 0);
	g_assert_true(end);
}

static void test_messages(void)
{
	const Caller caller = self();

	for (size_t i = 0; i < G_N_ELEMENTS(message_networks); i++) {
		char buf[16];
		int peer;
		Socket *ours = message_pair(message_networks[i], &peer);

		g_test_message("%s", ours->network->name);
		expect_error(ours, 64, EAGAIN);
		g_assert_cmpint(send(peer, "longer", 6, 0), ==, 6);
		g_assert_cmpint(send(peer, "", 0, 0), ==, 0);
		g_assert_cmpint(send(peer, "next", 4, 0), ==, 4);
		expect_error(ours, 5, E2BIG);
		expect_error(ours, 0, E2BIG);
		expect(ours, 6, "longer");
		expect(ours, 0, "");
		expect(ours, 64, "next");
		expect_error(ours, 64, EAGAIN);
		g_assert_cmpint(socket_send(ours, &caller, NULL, "", 0, NONBLOCK), ==, 0);
		g_assert_cmpint(recv(peer, buf, sizeof buf, 0), ==, 0);
		socket_unref(ours);
		close(peer);
	}
}

/* The last messages before the end may be empty. They count as messages, and the end follows. */
static void test_end_of_packets(void)
{
	int peer;
	Socket *ours = local_pair(NET_UNIXPACKET, &peer);

	g_assert_cmpint(send(peer, "", 0, 0), ==, 0);
	g_assert_cmpint(send(peer, "", 0, 0), ==, 0);
	g_assert_cmpint(send(peer, "last", 4, 0), ==, 4);
	g_assert_cmpint(send(peer, "", 0, 0), ==, 0);
	close(peer);
	expect(ours, 64, "");
	expect(ours, 64, "");
	expect(ours, 64, "last");
	expect(ours, 64, "");
	expect_end(ours);
	expect_end(ours);
	socket_unref(ours);
}

/* After shutdown(2) poll(2) reports POLLIN, so a receive must not return -EAGAIN. */
static void test_shut_down(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(message_networks); i++) {
		int peer;
		Socket *ours = message_pair(message_networks[i], &peer);

		g_test_message("%s", ours->network->name);
		g_assert_cmpint(send(peer, "before", 6, 0), ==, 6);
		g_assert_cmpint(shutdown(ours->fd, SHUT_RD), ==, 0);
		expect(ours, 64, "before");
		expect_end(ours);
		socket_unref(ours);
		close(peer);
	}
}

static void test_sender_of_datagram(void)
{
	char buf[16], text[ADDRESS_TEXT_MAX + 1], expected[ADDRESS_TEXT_MAX + 1];
	Address from = {0}, remote;
	bool end;
	int peer;
	Socket *ours = udp_pair(&peer);

	g_assert_cmpint(send(peer, "x", 1, 0), ==, 1);
	g_assert_cmpint(socket_receive_message(ours, buf, sizeof buf, &from, &end), ==, 1);
	g_assert_cmpint(socket_remote(ours, &remote), ==, 0);
	address_print(ours->network, &from, text);
	address_print(ours->network, &remote, expected);
	g_assert_cmpstr(text, ==, expected);
	g_assert_true(g_str_has_prefix(text, "127.0.0.1:"));
	socket_unref(ours);
	close(peer);
}

/* The next call reports an earlier error once; the error is not lost. */
static void test_error_is_told(void)
{
	const Caller caller = self();
	int peer;
	Socket *ours = udp_pair(&peer);

	close(peer);
	g_assert_cmpint(socket_send(ours, &caller, NULL, "x", 1, NONBLOCK), ==, 1);
	expect_error(ours, 64, ECONNREFUSED);
	expect_error(ours, 64, EAGAIN);
	socket_unref(ours);
}

/* -- Credentials ---------------------------------------------------------------------------------------------------- */

/* Receives one message and returns its sender as the kernel reports it. */
static struct ucred sender_of(int fd)
{
	char byte;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec piece = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control.room,
	};
	struct ucred sender;

	g_assert_cmpint(recvmsg(fd, &message, MSG_DONTWAIT), >=, 0);
	g_assert_nonnull(CMSG_FIRSTHDR(&message));
	g_assert_cmpint(CMSG_FIRSTHDR(&message)->cmsg_type, ==, SCM_CREDENTIALS);
	memcpy(&sender, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof sender);
	return sender;
}

static void expect_sender(NetworkId id, const Caller *caller, const char *bytes, pid_t pid)
{
	struct ucred sender;
	int peer;
	Socket *ours = local_pair(id, &peer);

	g_assert_cmpint(setsockopt(peer, SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)), ==, 0);
	g_assert_cmpint(socket_send(ours, caller, NULL, bytes, strlen(bytes), NONBLOCK), ==, (ssize_t)strlen(bytes));
	sender = sender_of(peer);
	g_assert_cmpuint(sender.uid, ==, caller->uid);
	g_assert_cmpuint(sender.gid, ==, caller->gid);
	g_assert_cmpint(sender.pid, ==, pid);
	socket_unref(ours);
	close(peer);
}

/* The pid of a process that has ended. */
static pid_t ended_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
	return pid;
}

static void test_credentials(void)
{
	static const NetworkId local[] = {NET_UNIX, NET_UNIXGRAM, NET_UNIXPACKET};
	Caller caller = nobody;

	if (skip_unless_root())
		return;
	for (size_t i = 0; i < G_N_ELEMENTS(local); i++) {
		g_test_message("%s", network(local[i])->name);
		caller.pid = getppid();
		expect_sender(local[i], &caller, "x", getppid());
		/* The process has ended, or lives in another namespace: the message never appears to be root's. */
		caller.pid = ended_process();
		expect_sender(local[i], &caller, "x", getpid());
		caller.pid = 0;
		expect_sender(local[i], &caller, "x", getpid());
		if (local[i] != NET_UNIX)
			expect_sender(local[i], &caller, "", getpid());
	}
}

/* -- Limits --------------------------------------------------------------------------------------------------------- */

static void test_limit(void)
{
	const struct rlimit few = {.rlim_cur = 64, .rlim_max = 64};
	Socket *sockets[16], *more;
	struct rlimit old_limit;

	if (skip_unless_root())
		return;
	g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &old_limit), ==, 0);
	g_assert_cmpint(prlimit(0, RLIMIT_NOFILE, &(struct rlimit){few.rlim_cur, old_limit.rlim_max}, NULL), ==, 0);
	g_assert_cmpint(creds_override(&nobody), ==, 0);
	for (size_t i = 0; i < G_N_ELEMENTS(sockets); i++)
		g_assert_cmpint(socket_new(network(NET_UNIX), 0, AF_UNIX, &sockets[i]), ==, 0);
	refusal_forget();
	g_assert_cmpint(socket_new(network(NET_UNIX), 0, AF_UNIX, &more), ==, -ENFILE);
	g_assert_true(refusal_noted());
	creds_revert();
	/* Other users are not affected. An accepted connection counts; a closed socket does not. */
	g_assert_cmpint(socket_new(network(NET_UNIX), 0, AF_UNIX, &more), ==, 0);
	socket_unref(more);
	g_assert_cmpint(creds_override(&nobody), ==, 0);
	g_assert_cmpint(socket_accept(sockets[1], &more), ==, -ENFILE);
	socket_ref(sockets[0]);
	socket_unref(sockets[0]);
	g_assert_cmpint(socket_accept(sockets[1], &more), ==, -ENFILE);
	socket_unref(sockets[0]);
	g_assert_cmpint(socket_new(network(NET_UNIX), 0, AF_UNIX, &sockets[0]), ==, 0);
	/* A socket that the kernel refuses is not charged. */
	socket_unref(sockets[1]);
	g_assert_cmpint(socket_new(network(NET_IP), 1, AF_INET, &more), ==, -EPERM);
	g_assert_cmpint(socket_new(network(NET_UNIX), 0, AF_UNIX, &sockets[1]), ==, 0);
	creds_revert();
	for (size_t i = 0; i < G_N_ELEMENTS(sockets); i++)
		socket_unref(sockets[i]);
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &old_limit), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/socket/bytes", test_bytes);
	g_test_add_func("/socket/full", test_full);
	g_test_add_func("/socket/messages", test_messages);
	g_test_add_func("/socket/end-of-packets", test_end_of_packets);
	g_test_add_func("/socket/shut-down", test_shut_down);
	g_test_add_func("/socket/sender-of-datagram", test_sender_of_datagram);
	g_test_add_func("/socket/error-is-told", test_error_is_told);
	g_test_add_func("/socket/credentials", test_credentials);
	g_test_add_func("/socket/limit", test_limit);
	return g_test_run();
}
