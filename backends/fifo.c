/*
 * fifo: FIFOs. The name, the owner and the mode of each are kept here; opening, reading and writing are the kernel's own, on
 * the inode that it has for the node, and never reach us.
 */
#include "backends/fifo.h"

#include <errno.h>

#include "backends/own.h"
#include "backends/why.h"

enum { FIFOS_USER = 1024 };

static OwnTable fifos = {.what = "FIFOs", .most_user = FIFOS_USER};

static int list(const Object *at, MemberSeen seen, void *data)
{
	(void)at;
	return own_list(&fifos, seen, data);
}

static int lookup(const Object *at, const char *name, Object *out)
{
	(void)at;
	return own_lookup(&fifos, name, out);
}

static int node(const Object *at, const char *name, mode_t mode, Object *out)
{
	Own *own;
	int result;

	(void)at;
	if (S_ISSOCK(mode))
		return why_refuse(EPERM, "fifo holds FIFOs only, made with mkfifo");
	if (!S_ISFIFO(mode))
		return why_refuse(EPERM, "fifo holds FIFOs only: make one with mkfifo, then open it");
	result = own_add(&fifos, name, mode, NULL, &own);
	if (result < 0)
		return result;
	*out = (Object){.id = own->id};
	g_strlcpy(out->name, name, sizeof out->name);
	own_unref(&fifos, own);
	return 0;
}

static int remove_fifo(const Object *object)
{
	return own_remove(&fifos, object);
}

static int rename_fifo(const Object *object, const char *name)
{
	return own_rename(&fifos, object, name);
}

static int stat_fifo(const Object *object, ObjectStat *out)
{
	return own_stat(&fifos, object, out);
}

static int set(const Object *object, const ObjectChange *change)
{
	return own_set(&fifos, object, change);
}

static int permit(const Object *object, const Caller *caller, int rights)
{
	return own_permit(&fifos, object, caller, rights);
}

static const Members members = {
	.list = list,
	.lookup = lookup,
	.node = node,
	.remove = remove_fifo,
	.rename = rename_fifo,
	.stat = stat_fifo,
	.set = set,
	.permit = permit,
};

static const Row member = {.kind = SPECIAL};

const Row fifo_row = {.name = "fifo", .kind = DIRECTORY, .mode = 01777, .members = &members, .member = &member};
