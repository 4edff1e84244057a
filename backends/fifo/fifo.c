/*
 * fifo/: FIFOs. The registry keeps the name, owner and mode of each. The kernel itself handles open, read and write on its inode
 * of the FIFO, and sends no request for them to the daemon.
 *
 * fs/ calls the functions through the tables. There are no locks here; the registry has one.
 */
#include "backends/fifo/fifo.h"

#include <errno.h>

#include "backends/common/registry.h"
#include "backends/core/refusal.h"

enum { FIFOS_USER = 1024 };

static Registry fifos = {.quota = {.what = "FIFOs", .remedy = "remove some", .error = ENOSPC, .user_max = FIFOS_USER}};

static int fifo_node(const void *context, const Object *directory, const char *name, mode_t mode, Object *out)
{
	if (S_ISSOCK(mode))
		return refuse(EPERM, "fifo holds FIFOs only: bind sockets in socket/unix");
	if (!S_ISFIFO(mode))
		return refuse(EPERM, "fifo holds FIFOs only: make one with mkfifo");
	return registry_create(&fifos, name, mode, NULL, out);
}

static const DirOps members = {
	.context = &fifos,
	.list = registry_list,
	.lookup = registry_lookup,
	.node = fifo_node,
	.remove = registry_remove,
	.rename = registry_rename,
	.stat = registry_stat,
	.set = registry_set,
	.permit = registry_permit,
};

static const FileDesc member = {.kind = SPECIAL};

const FileDesc fifo_desc = {.name = "fifo", .kind = DIRECTORY, .mode = 01777, .members = &members, .member = &member};
