#include "tests/unit/backends/socket/local_pair.h"

#include <unistd.h>

/* Gives it a name that the kernel chooses. */
static Address name_it(int fd)
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
	int plain = socket(AF_UNIX, network->type | SOCK_CLOEXEC, 0);
	Address there = name_it(plain), here;
	Socket *ours;

	g_assert_cmpint(socket_new(network, 0, AF_UNIX, &ours), ==, 0);
	if (network->callers)
		g_assert_cmpint(listen(plain, 1), ==, 0);
	else
		here = name_it(ours->fd);
	g_assert_cmpint(connect(ours->fd, &there.any, there.length), ==, 0);
	*peer = plain;
	if (network->callers) {
		*peer = accept4(plain, NULL, NULL, SOCK_CLOEXEC);
		close(plain);
	} else {
		g_assert_cmpint(connect(plain, &here.any, here.length), ==, 0);
	}
	return ours;
}
