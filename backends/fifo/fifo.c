/*
 * fifo: FIFOs. The name, the owner and the mode of each are kept here; opening, reading and writing are the kernel's own, on
 * the inode that it has for the node, and never reach us.
 */
#include "backends/fifo/fifo.h"

#include <errno.h>

#include "backends/common/registry.h"
#include "backends/core/refusal.h"

enum { FIFOS_USER = 1024 };

static OwnTable fifos = {.what = "FIFOs", .most_user = FIFOS_USER};

OWN_MEMBERS(fifo, fifos);

static int fifo_node(const Object *at, const char *name, mode_t mode, Object *out)
{
	(void)at;
	if (S_ISSOCK(mode))
		return why_refuse(EPERM, "fifo holds FIFOs only: sockets are bound in socket/unix and its like");
	if (!S_ISFIFO(mode))
		return why_refuse(EPERM, "fifo holds FIFOs only: make one with mkfifo, then open it");
	return own_make(&fifos, name, mode, NULL, out);
}

static int fifo_remove(const Object *object)
{
	return own_remove(&fifos, object);
}

static int fifo_stat(const Object *object, ObjectStat *out)
{
	return own_stat(&fifos, object, out);
}

static const Members members = {
	.list = fifo_list,
	.lookup = fifo_lookup,
	.node = fifo_node,
	.remove = fifo_remove,
	.rename = fifo_rename,
	.stat = fifo_stat,
	.set = fifo_set,
	.permit = fifo_permit,
};

static const Row member = {.kind = SPECIAL};

const Row fifo_row = {.name = "fifo", .kind = DIRECTORY, .mode = 01777, .members = &members, .member = &member};
