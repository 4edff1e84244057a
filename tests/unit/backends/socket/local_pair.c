#include "tests/unit/backends/socket/local_pair.h"

#include <unistd.h>

/* Binds a socket to a name that the kernel chooses. */
static Address bind_to_any_name(int fd)
{
	Address address = {.length = sizeof address.storage, .any.sa_family = AF_UNIX};

	g_assert_cmpint(bind(fd, &address.any, sizeof address.any.sa_family), ==, 0);
	g_assert_cmpint(getsockname(fd, &address.any, &address.length), ==, 0);
	return address;
}

Socket *local_pair(NetworkId id, int *peer)
{
	const Object object = {.select = id};
	const Network *network = network_of(&object);
	int native = socket(AF_UNIX, network->type | SOCK_CLOEXEC, 0);
	Address peer_address = bind_to_any_name(native), own_address;
	Socket *ours;

	g_assert_cmpint(socket_new(network, 0, AF_UNIX, &ours), ==, 0);
	if (network->listens)
		g_assert_cmpint(listen(native, 1), ==, 0);
	else
		own_address = bind_to_any_name(ours->fd);
	g_assert_cmpint(connect(ours->fd, &peer_address.any, peer_address.length), ==, 0);
	*peer = native;
	if (network->listens) {
		*peer = accept4(native, NULL, NULL, SOCK_CLOEXEC);
		close(native);
	} else {
		g_assert_cmpint(connect(native, &own_address.any, own_address.length), ==, 0);
	}
	return ours;
}
