/* Connecting to one address after another, without a mount. The test sets the addresses of every name. */
#include "backends/socket/connect.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/core/refusal.h"
#include "backends/socket/resolve.h"

static const char *host_addresses[8]; /* the addresses of every host, in order; NULL ends them */
static Caller caller;                 /* this process */

static int fake_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found)
{
	struct addrinfo numeric = *hints, **end = found;

	numeric.ai_flags |= AI_NUMERICHOST;
	*found = NULL;
	for (size_t i = 0; host_addresses[i]; i++) {
		int error = getaddrinfo(host_addresses[i], port, &numeric, end);

		if (error)
			return error;
		end = &(*end)->ai_next;
	}
	return *found ? 0 : EAI_NONAME;
}

static pid_t connecting_thread; /* the last thread that connected to a path */
static __thread int last_fd;    /* the last socket that this thread connected */

/* Replaces libc's function, to record the thread and the socket: the file system of the path might not answer it. */
int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
	const struct sockaddr *any = *(const struct sockaddr *const *)&address;

	if (any->sa_family == AF_UNIX && any->sa_data[0] != '\0')
		__atomic_store_n(&connecting_thread, (pid_t)syscall(SYS_gettid), __ATOMIC_RELAXED);
	last_fd = fd;
	return (int)syscall(SYS_connect, fd, any, length);
}

static void set_addresses(const char *first, const char *second, const char *third)
{
	host_addresses[0] = first;
	host_addresses[1] = second;
	host_addresses[2] = third;
}

static const Network *network(NetworkId id)
{
	const Object object = {.select = id};

	return network_of(&object);
}

/* A native listener on 127.0.0.1; *port is its port. */
static int listener(int *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
	g_assert_cmpint(listen(fd, 5), ==, 0);
	g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &length), ==, 0);
	*port = ntohs(address.sin_port);
	return fd;
}

/* Tries until there is a result, as fs/ does. */
static int try_until_done(Connecting *connecting, Socket **out)
{
	int result;

	*out = NULL;
	for (;;) {
		Wait wait;

		refusal_forget();
		result = connecting_try(connecting, out);
		if (result != -EAGAIN)
			break;
		connecting_wait(connecting, &wait);
		g_assert_cmpint(wait.how, ==, WAIT_FD);
		if (wait.fd >= 0)
			poll(&(struct pollfd){.fd = wait.fd, .events = POLLOUT}, 1, 1000);
		else
			g_usleep(1000);
	}
	connecting_free(connecting);
	return result;
}

static Connecting *begin(NetworkId id, const char *host, int port, Socket *bound,
			 int (*prepare)(Socket *socket, void *data), void *data)
{
	g_autofree char *text = g_strdup_printf("%s:%d", host, port);
	Connecting *connecting = NULL;

	g_assert_cmpint(connecting_begin(network(id), 0, text, &caller, bound, prepare, data, &connecting), ==, 0);
	return connecting;
}

static int count_sockets(Socket *socket, void *data)
{
	g_assert_cmpint(socket->fd, >=, 0);
	return ++*(int *)data == 7 ? -EDOM : 0;
}

/* The first address that answers is connected, after any number of refusals. */
static void test_next_address(void)
{
	int port, fd = listener(&port), made = 0;
	Socket *socket;
	Address remote;

	set_addresses("127.0.0.2", "127.0.0.3", "127.0.0.1");
	g_assert_cmpint(try_until_done(begin(NET_TCP, "host", port, NULL, count_sockets, &made), &socket), ==, 0);
	g_assert_cmpint(made, ==, 3);
	g_assert_cmpint(socket_remote(socket, &remote), ==, 0);
	g_assert_cmpuint(ntohl(remote.v4.sin_addr.s_addr), ==, INADDR_LOOPBACK);
	socket_unref(socket);
	close(fd);
}

/* The error of the first address is returned, with its reason. */
static void test_refused(void)
{
	int port, fd = listener(&port), made = 6;
	Socket *socket;

	close(fd);
	set_addresses("127.0.0.2", "127.0.0.3", NULL);
	g_assert_cmpint(try_until_done(begin(NET_TCP, "host", port, NULL, NULL, NULL), &socket), ==, -ECONNREFUSED);
	g_assert_nonnull(strstr(refusal_note(), "127.0.0.2:"));
	g_assert_null(socket);
	set_addresses(NULL, NULL, NULL);
	g_assert_cmpint(try_until_done(begin(NET_TCP, "host", port, NULL, NULL, NULL), &socket), ==, -ENOENT);
	g_assert_true(refusal_noted());
	/* If no socket can be made, the other addresses are not tried. */
	set_addresses("127.0.0.2", "127.0.0.3", NULL);
	g_assert_cmpint(try_until_done(begin(NET_TCP, "host", port, NULL, count_sockets, &made), &socket), ==, -EDOM);
	g_assert_cmpint(made, ==, 7);
}

/* A bound socket has one family; an IPv6 one connects to IPv4 addresses as well. */
static void test_bound(void)
{
	int port, fd = listener(&port);
	Socket *bound, *socket;

	g_assert_cmpint(socket_new(network(NET_TCP), 0, AF_INET, &bound), ==, 0);
	set_addresses("::1", "127.0.0.1", NULL);
	g_assert_cmpint(try_until_done(begin(NET_TCP, "host", port, bound, NULL, NULL), &socket), ==, 0);
	g_assert_true(socket == bound);
	socket_unref(socket);
	socket_unref(bound);
	if (socket_new(network(NET_TCP), 0, AF_INET6, &bound) == 0) {
		g_assert_cmpint(try_until_done(begin(NET_TCP, "127.0.0.1", port, bound, NULL, NULL), &socket), ==, 0);
		g_assert_true(socket == bound);
		socket_unref(socket);
		socket_unref(bound);
	}
	g_assert_cmpint(socket_new(network(NET_TCP), 0, AF_INET, &bound), ==, 0);
	set_addresses("::1", NULL, NULL);
	g_assert_cmpint(try_until_done(begin(NET_TCP, "host", port, bound, NULL, NULL), &socket), ==, -EAFNOSUPPORT);
	socket_unref(bound);
	close(fd);
}

/* A Connecting is freed at any point: during the look-up, during the connect, or just after. */
static void test_free(void)
{
	int port, fd = listener(&port);

	set_addresses("127.0.0.2", "127.0.0.1", NULL);
	for (int i = 0; i < 500; i++) {
		Connecting *connecting = begin(NET_TCP, i % 3 ? "host" : "127.0.0.1", port, NULL, NULL, NULL);
		Socket *socket = NULL;

		for (int tries = g_test_rand_int_range(0, 4); tries > 0 && !socket; tries--)
			g_assert_cmpint(connecting_try(connecting, &socket), <=, 0);
		connecting_free(connecting);
		socket_unref(socket);
	}
	connecting_free(NULL);
	close(fd);
}

/* Waits until the background job has given up the socket. */
static void wait_until_closed(int fd)
{
	const gint64 limit = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;

	while (fcntl(fd, F_GETFD) >= 0) {
		g_assert_cmpint(g_get_monotonic_time(), <, limit);
		g_usleep(1000);
	}
}

static void test_local(void)
{
	Address address = {.length = sizeof address.any.sa_family, .any.sa_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[ADDRESS_TEXT_MAX + 1];
	int fds[3];
	Connecting *waits[3], *connecting;
	Socket *socket;

	g_assert_cmpint(bind(fd, &address.any, address.length) | listen(fd, 0), ==, 0);
	address.length = sizeof address.storage;
	g_assert_cmpint(getsockname(fd, &address.any, &address.length), ==, 0);
	address_print(network(NET_UNIX), &address, text);
	g_assert_cmpint(connecting_begin(network(NET_UNIX), 0, text, &caller, NULL, NULL, NULL, &connecting), ==, 0);
	g_assert_cmpint(try_until_done(connecting, &socket), ==, 0);
	socket_unref(socket);
	/* The backlog is full, so all of them wait. One gives up. */
	for (size_t i = 0; i < G_N_ELEMENTS(waits); i++) {
		g_assert_cmpint(connecting_begin(network(NET_UNIX), 0, text, &caller, NULL, NULL, NULL, &waits[i]), ==,
				0);
		g_assert_cmpint(connecting_try(waits[i], &socket), ==, -EAGAIN);
		fds[i] = last_fd;
	}
	connecting_free(waits[1]);
	wait_until_closed(fds[1]);
	for (int i = 0; i < 3; i++)
		close(accept(fd, NULL, NULL));
	g_assert_cmpint(try_until_done(waits[0], &socket), ==, 0);
	g_assert_cmpint(fcntl(socket->fd, F_GETFL) & O_NONBLOCK, ==, O_NONBLOCK);
	socket_unref(socket);
	g_assert_cmpint(try_until_done(waits[2], &socket), ==, 0);
	socket_unref(socket);
	g_assert_cmpint(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 100), ==, 0);
	close(fd);
}

/* connecting_try() never waits for a file system. */
static void test_path_thread(void)
{
	g_autofree char *path = g_strdup_printf("%s/connect-%d", g_get_tmp_dir(), (int)getpid());
	const struct sockaddr_un *local;
	Address address = {.local.sun_family = AF_UNIX};
	int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	Connecting *connecting = NULL;
	Socket *socket;

	local = &address.local;
	g_strlcpy(address.local.sun_path, path, sizeof local->sun_path);
	g_assert_cmpint(bind(listening, &address.any, sizeof *local), ==, 0);
	g_assert_cmpint(listen(listening, 5), ==, 0);
	g_assert_cmpint(connecting_begin(network(NET_UNIX), 0, path, &caller, NULL, NULL, NULL, &connecting), ==, 0);
	g_assert_cmpint(try_until_done(connecting, &socket), ==, 0);
	g_assert_cmpint(connecting_thread, !=, 0);
	g_assert_cmpint(connecting_thread, !=, syscall(SYS_gettid));
	socket_unref(socket);
	close(listening);
	unlink(path);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	caller = (Caller){.uid = geteuid(), .gid = getegid(), .pid = getpid()};
	resolve_getaddrinfo = fake_getaddrinfo;
	g_test_add_func("/connect/next", test_next_address);
	g_test_add_func("/connect/refused", test_refused);
	g_test_add_func("/connect/bound", test_bound);
	g_test_add_func("/connect/free", test_free);
	g_test_add_func("/connect/local", test_local);
	g_test_add_func("/connect/thread", test_path_thread);
	return g_test_run();
}
