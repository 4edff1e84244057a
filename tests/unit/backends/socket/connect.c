/* Connecting to one address after the other, without a mount; names have the addresses that the test says. */
#include "backends/socket/connect.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/core/credentials.h"
#include "backends/socket/resolve.h"
#include "backends/core/refusal.h"

static const char *known[8]; /* the addresses of any host, in order; NULL behind the last */
static Caller caller;        /* this process, as itself */

static int fake(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found)
{
	struct addrinfo numeric = *hints, **end = found;

	numeric.ai_flags |= AI_NUMERICHOST;
	*found = NULL;
	for (size_t i = 0; known[i]; i++) {
		int error = getaddrinfo(known[i], port, &numeric, end);

		if (error)
			return error;
		end = &(*end)->ai_next;
	}
	return *found ? 0 : EAI_NONAME;
}

static pid_t knocked; /* the thread that has connected to a path last */

/* In place of libc's: the kernel may have to ask the path's file system, which need not answer. */
int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
	const struct sockaddr *any = *(const struct sockaddr *const *)&address;

	if (any->sa_family == AF_UNIX && any->sa_data[0] != '\0')
		__atomic_store_n(&knocked, (pid_t)syscall(SYS_gettid), __ATOMIC_RELAXED);
	return (int)syscall(SYS_connect, fd, any, length);
}

static void know(const char *first, const char *second, const char *third)
{
	known[0] = first;
	known[1] = second;
	known[2] = third;
}

static const Network *network(NetworkId id)
{
	const Object object = {.select = id};

	return network_of(&object);
}

/* A plain listener on 127.0.0.1; *port is where. */
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

/* Tries until there is an answer, as fs/ would. */
static int settle(Connecting *connecting, Socket **out)
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

static int count(Socket *socket, void *data)
{
	g_assert_cmpint(socket->fd, >=, 0);
	return ++*(int *)data == 7 ? -EDOM : 0;
}

/* The first that answers, however many have refused. */
static void test_next(void)
{
	int port, fd = listener(&port), made = 0;
	Socket *socket;
	Address remote;

	know("127.0.0.2", "127.0.0.3", "127.0.0.1");
	g_assert_cmpint(settle(begin(NET_TCP, "host", port, NULL, count, &made), &socket), ==, 0);
	g_assert_cmpint(made, ==, 3);
	g_assert_cmpint(socket_remote(socket, &remote), ==, 0);
	g_assert_cmpuint(ntohl(remote.v4.sin_addr.s_addr), ==, INADDR_LOOPBACK);
	socket_unref(socket);
	close(fd);
}

/* What the first one has met counts, in words too. */
static void test_refused(void)
{
	int port, fd = listener(&port), made = 6;
	Socket *socket;

	close(fd);
	know("127.0.0.2", "127.0.0.3", NULL);
	g_assert_cmpint(settle(begin(NET_TCP, "host", port, NULL, NULL, NULL), &socket), ==, -ECONNREFUSED);
	g_assert_nonnull(strstr(refusal_note(), "127.0.0.2:"));
	g_assert_null(socket);
	know(NULL, NULL, NULL);
	g_assert_cmpint(settle(begin(NET_TCP, "host", port, NULL, NULL, NULL), &socket), ==, -ENOENT);
	g_assert_true(refusal_noted());
	/* Where no socket will do the others are not tried. */
	know("127.0.0.2", "127.0.0.3", NULL);
	g_assert_cmpint(settle(begin(NET_TCP, "host", port, NULL, count, &made), &socket), ==, -EDOM);
	g_assert_cmpint(made, ==, 7);
}

/* A socket that is there already: of one family, of which v6 takes v4 too. */
static void test_bound(void)
{
	int port, fd = listener(&port);
	Socket *bound, *socket;

	g_assert_cmpint(socket_new(network(NET_TCP), 0, AF_INET, &bound), ==, 0);
	know("::1", "127.0.0.1", NULL);
	g_assert_cmpint(settle(begin(NET_TCP, "host", port, bound, NULL, NULL), &socket), ==, 0);
	g_assert_true(socket == bound);
	socket_unref(socket);
	socket_unref(bound);
	if (socket_new(network(NET_TCP), 0, AF_INET6, &bound) == 0) {
		g_assert_cmpint(settle(begin(NET_TCP, "127.0.0.1", port, bound, NULL, NULL), &socket), ==, 0);
		g_assert_true(socket == bound);
		socket_unref(socket);
		socket_unref(bound);
	}
	g_assert_cmpint(socket_new(network(NET_TCP), 0, AF_INET, &bound), ==, 0);
	know("::1", NULL, NULL);
	g_assert_cmpint(settle(begin(NET_TCP, "host", port, bound, NULL, NULL), &socket), ==, -EAFNOSUPPORT);
	socket_unref(bound);
	close(fd);
}

/* Let go of at any point: while the look-up or the answer is waited for, or just then. */
static void test_free(void)
{
	int port, fd = listener(&port);

	know("127.0.0.2", "127.0.0.1", NULL);
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

static void test_local(void)
{
	Address address = {.length = sizeof address.any.sa_family, .any.sa_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[ADDRESS_TEXT_MAX + 1];
	Connecting *waits[3], *late;
	Socket *socket;

	g_assert_cmpint(bind(fd, &address.any, address.length) | listen(fd, 0), ==, 0);
	address.length = sizeof address.storage;
	g_assert_cmpint(getsockname(fd, &address.any, &address.length), ==, 0);
	address_print(network(NET_UNIX), &address, text);
	g_assert_cmpint(connecting_begin(network(NET_UNIX), 0, text, &caller, NULL, NULL, NULL, &late), ==, 0);
	g_assert_cmpint(settle(late, &socket), ==, 0);
	socket_unref(socket);
	/* The backlog is full: they wait. One of them goes. */
	for (size_t i = 0; i < G_N_ELEMENTS(waits); i++) {
		g_assert_cmpint(connecting_begin(network(NET_UNIX), 0, text, &caller, NULL, NULL, NULL, &waits[i]), ==,
				0);
		g_assert_cmpint(connecting_try(waits[i], &socket), ==, -EAGAIN);
	}
	connecting_free(waits[1]);
	g_usleep(200000);
	for (int i = 0; i < 3; i++)
		close(accept(fd, NULL, NULL));
	g_assert_cmpint(settle(waits[0], &socket), ==, 0);
	g_assert_cmpint(fcntl(socket->fd, F_GETFL) & O_NONBLOCK, ==, O_NONBLOCK);
	socket_unref(socket);
	g_assert_cmpint(settle(waits[2], &socket), ==, 0);
	socket_unref(socket);
	g_assert_cmpint(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 100), ==, 0);
	close(fd);
}

/* Whoever tries never waits for a file system. */
static void test_thread(void)
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
	g_assert_cmpint(settle(connecting, &socket), ==, 0);
	g_assert_cmpint(knocked, !=, 0);
	g_assert_cmpint(knocked, !=, syscall(SYS_gettid));
	socket_unref(socket);
	close(listening);
	unlink(path);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	caller = (Caller){.uid = geteuid(), .gid = getegid(), .pid = getpid()};
	resolve_getaddrinfo = fake;
	g_test_add_func("/connect/next", test_next);
	g_test_add_func("/connect/refused", test_refused);
	g_test_add_func("/connect/bound", test_bound);
	g_test_add_func("/connect/free", test_free);
	g_test_add_func("/connect/local", test_local);
	g_test_add_func("/connect/thread", test_thread);
	return g_test_run();
}
