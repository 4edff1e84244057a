/*
 * The processes that have a segment in their memory (shm_attached.h). `attached` and shm_resize.c call it. There is no lock.
 */
#include "backends/sysv/shm_attached.h"

#include "backends/common/mappers.h"
#include "backends/core/credentials.h"
#include "backends/core/host.h"
#include "backends/sysv/shm_segment.h"

static Mapped mapped_segment(const Object *object, const FileDesc *data)
{
	const Object current = {.id = sysv_shm_id(object)};

	return (Mapped){
		.prefix = "/SYSV",
		.own_ipc = true,
		.inode = (uint64_t)current.id,
		.passed_inode = host_inode(data, &current),
	};
}

bool sysv_shm_is_mapped(const Object *object, const FileDesc *data)
{
	const Mapped mapped = mapped_segment(object, data);
	bool result;

	creds_raise();
	result = mappers_print(&mapped, true, 0, NULL) > 0;
	creds_lower();
	return result;
}

/* The owner, the creator and root see all processes. Other users see their own, as in /proc. */
static int attached_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	const Mapped mapped = mapped_segment(object, desc->mechanism);
	SysvStat stat;
	int result = sysv_load(&sysv_shm_type, object, &stat);

	if (result < 0)
		return result;
	mappers_print(&mapped, caller->uid == 0 || caller->uid == stat.perm.uid || caller->uid == stat.perm.cuid,
		      caller->uid, out);
	return 0;
}

const TextOps sysv_shm_attached = {.show = attached_show, .slow = true};
