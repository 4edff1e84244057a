/* The attributes of a System V segment: a file for each field of shmid_ds (shmctl(2)), and status with all of them. */
#include <errno.h>
#include <unistd.h>

#include "backends/common/mappers.h"
#include "backends/core/host.h"
#include "backends/core/credentials.h"
#include "backends/core/parse.h"
#include "backends/core/procfs.h"
#include "backends/sysv/shm.h"
#include "backends/core/text.h"
#include "backends/core/refusal.h"

/* How each is called in status; key and id are printed there with what every System V object has. */
static const char *const labels[SHM_ATTRIBUTES] = {
	[SHM_SIZE] = "Size",   [SHM_NATTCH] = "Nattch", [SHM_CPID] = "Cpid",
	[SHM_LPID] = "Lpid",   [SHM_ATIME] = "Atime",   [SHM_DTIME] = "Dtime",
	[SHM_CTIME] = "Ctime", [SHM_LOCKING] = "Lock",  [SHM_DESTROYED] = "Destroyed",
};

static void print_attribute(int which, int id, const struct shmid_ds *ds, GString *out)
{
	switch (which) {
	case SHM_KEY:
		g_string_append_printf(out, "0x%08x\n", (unsigned)ds->shm_perm.__key);
		break;
	case SHM_ID:
		text_number(out, id);
		break;
	case SHM_SIZE:
		text_number(out, (long long)ds->shm_segsz);
		break;
	case SHM_NATTCH:
		text_number(out, (long long)ds->shm_nattch);
		break;
	case SHM_CPID:
		text_number(out, ds->shm_cpid);
		break;
	case SHM_LPID:
		text_number(out, ds->shm_lpid);
		break;
	case SHM_ATIME:
		text_time(out, ds->shm_atime);
		break;
	case SHM_DTIME:
		text_time(out, ds->shm_dtime);
		break;
	case SHM_CTIME:
		text_time(out, ds->shm_ctime);
		break;
	case SHM_LOCKING:
		text_number(out, (ds->shm_perm.mode & SHM_LOCKED) != 0);
		break;
	case SHM_DESTROYED:
		g_string_append(out, ds->shm_perm.mode & SHM_DEST ? "yes\n" : "no\n");
		break;
	default:
		g_assert_not_reached();
	}
}

static int attribute_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	struct shmid_ds ds;
	int result = sysv_shm_stat(object, &ds);

	if (result == 0)
		print_attribute(desc->which, sysv_shm_id(object), &ds, out);
	return result;
}

static int status_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	struct shmid_ds ds;
	int result = sysv_shm_stat(object, &ds);

	if (result < 0)
		return result;
	SysvStat stat = {.id = sysv_shm_id(object), .perm = ds.shm_perm};

	stat.perm.mode &= 0777; /* the rest are Lock and Destroyed */
	sysv_print_status(&stat, out);
	for (int which = 0; which < SHM_ATTRIBUTES; which++) {
		if (!labels[which])
			continue;
		text_label(out, labels[which]);
		print_attribute(which, stat.id, &ds, out);
	}
	return 0;
}

static int size_store(const FileDesc *desc, const Object *object, const char *text)
{
	int64_t size;

	if (!parse_size(text, 0, INT64_MAX, &size))
		return refuse(EINVAL, "size is a number of bytes, such as 65536 or 64K");
	return sysv_shm_resize(object, -1, size);
}

/* -- Locking -------------------------------------------------------------------------------------------------------- */

/* The bytes of locked segments that this user may have locked. */
static uint64_t locked_by(uid_t uid)
{
	uint64_t bytes = 0;
	int last = sysv_shm_type.highest();

	for (int index = 0; index <= last; index++) {
		SysvStat stat;

		if (sysv_shm_type.stat_at(index, &stat) == 0 && (stat.perm.mode & SHM_LOCKED) &&
		    (stat.perm.uid == uid || stat.perm.cuid == uid))
			bytes += (uint64_t)stat.stat.size;
	}
	return bytes;
}

/*
 * SHM_LOCK for a user other than root, by a daemon that is root. The kernel would hold the lock against the daemon's
 * RLIMIT_MEMLOCK and count it for root, all users together; it is held against the caller's own instead, and the daemon
 * locks. Called with the caller's identity.
 */
static int lock_for_user(const Object *object, const struct shmid_ds *ds)
{
	const uid_t uid = geteuid();
	uint64_t limit;
	int result;

	if (ds->shm_perm.uid != uid && ds->shm_perm.cuid != uid)
		return refuse(EPERM, "only its owner, its creator or root may lock it");
	if (ds->shm_perm.mode & SHM_LOCKED)
		return 0;
	if (!procfs_limit(creds_caller_pid(), uid, "Max locked memory", &limit))
		return refuse(EPERM, "the limit on locked memory of the process that opened this file is not known");
	if (limit == 0)
		return refuse(EPERM, "the limit on locked memory (ulimit -l) is 0");
	if (limit < ds->shm_segsz || locked_by(uid) > limit - ds->shm_segsz)
		return refuse(ENOMEM, "this user's locked segments would be larger than the limit on locked memory "
				      "(ulimit -l)");
	creds_raise();
	result = shmctl(sysv_shm_id(object), SHM_LOCK, NULL) < 0 ? -errno : 0;
	creds_lower();
	return result;
}

static int lock_store(const FileDesc *desc, const Object *object, const char *text)
{
	struct shmid_ds ds;
	int64_t on;
	int result;

	if (!parse_number(text, 0, 1, &on))
		return refuse(EINVAL, "1 locks the segment in memory (SHM_LOCK), 0 unlocks it");
	result = sysv_shm_stat(object, &ds);
	if (result < 0)
		return result;
	if (on && creds_overridden())
		return lock_for_user(object, &ds);
	if (shmctl(sysv_shm_id(object), on ? SHM_LOCK : SHM_UNLOCK, NULL) == 0)
		return 0;
	if (errno == ENOMEM)
		return refuse(ENOMEM, "it is larger than the limit on locked memory (ulimit -l) leaves");
	return -errno;
}

/* -- Who has it mapped ---------------------------------------------------------------------------------------------- */

static Mapped mapped(const Object *object)
{
	const Object now = {.id = sysv_shm_id(object)};

	return (Mapped){
		.prefix = "/SYSV",
		.own_ipc = true,
		.inode = (uint64_t)now.id,
		.passed_inode = host_inode(&sysv_shm_data, &now),
	};
}

bool sysv_shm_mapped(const Object *object)
{
	const Mapped what = mapped(object);
	bool result;

	creds_raise();
	result = mappers_print(&what, true, 0, NULL) > 0;
	creds_lower();
	return result;
}

/* The owner and root see everybody; others, as in /proc, their own processes. */
static int attached_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	const Mapped what = mapped(object);
	struct shmid_ds ds;
	int result = sysv_shm_stat(object, &ds);

	if (result < 0)
		return result;
	mappers_print(&what, caller->uid == 0 || caller->uid == ds.shm_perm.uid || caller->uid == ds.shm_perm.cuid,
		      caller->uid, out);
	return 0;
}

const TextOps sysv_shm_attribute = {.show = attribute_show};
const TextOps sysv_shm_size = {.show = attribute_show, .store = size_store, .slow = true};
const TextOps sysv_shm_lock = {.show = attribute_show, .store = lock_store, .slow = true};
const TextOps sysv_shm_attached = {.show = attached_show, .slow = true};
const TextOps sysv_shm_status = {.show = status_show};
