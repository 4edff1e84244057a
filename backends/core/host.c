/* The services and settings for mechanisms: see host.h. Both are written before the program starts threads. */
#include "backends/core/host.h"

static HostOps host;
static HostSettings settings;

void host_register(const HostOps *ops)
{
	if (ops->wake)
		host.wake = ops->wake;
	if (ops->interrupted)
		host.interrupted = ops->interrupted;
	if (ops->inode)
		host.inode = ops->inode;
	if (ops->transfer_to_reader)
		host.transfer_to_reader = ops->transfer_to_reader;
	if (ops->transfer_from_writer)
		host.transfer_from_writer = ops->transfer_from_writer;
}

void host_wake(const int64_t key[4])
{
	if (host.wake)
		host.wake(key);
}

bool host_interrupted(void)
{
	return host.interrupted && host.interrupted();
}

uint64_t host_inode(const FileDesc *desc, const Object *object)
{
	return host.inode ? host.inode(desc, object) : 0;
}

size_t host_transfer_to_reader(const int64_t key[4], int fd, const char *data, size_t size, size_t whole)
{
	return host.transfer_to_reader ? host.transfer_to_reader(key, fd, data, size, whole) : 0;
}

size_t host_transfer_from_writer(const int64_t key[4], int fd, char *buf, size_t size, size_t whole)
{
	return host.transfer_from_writer ? host.transfer_from_writer(key, fd, buf, size, whole) : 0;
}

void host_configure(const HostSettings *given)
{
	settings = *given;
}

const HostSettings *host_settings(void)
{
	return &settings;
}
