/*
 * The attributes of a System V segment (shm_attributes.h). fs/ calls the functions through the table of attributes. There is
 * no lock here: sysv_shm_resize() takes its own.
 */
#include "backends/sysv/shm_attributes.h"

#include <errno.h>
#include <unistd.h>

#include "backends/core/credentials.h"
#include "backends/core/parse.h"
#include "backends/core/procfs.h"
#include "backends/core/refusal.h"
#include "backends/core/text.h"
#include "backends/sysv/shm_memory.h"
#include "backends/sysv/shm_resize.h"
#include "backends/sysv/shm_segment.h"

static int load_snapshot(const Object *object, void *snapshot)
{
	return sysv_load(&sysv_shm_type, object, snapshot);
}

static int size_store(const Object *object, const char *text)
{
	int64_t size;

	if (!parse_size(text, 0, INT64_MAX, &size))
		return refuse(EINVAL, "size is a number of bytes: write 65536 or 64K, for example");
	return sysv_shm_resize(object, &sysv_shm_data, size);
}

/* -- Locking in memory ------------------------------------------------------------------------------------------------- */

/* The number of bytes in locked segments that count for this user. */
static uint64_t locked_bytes(uid_t uid)
{
	uint64_t bytes = 0;
	int highest = sysv_highest(&sysv_shm_type);

	for (int index = 0; index <= highest; index++) {
		SysvStat stat;

		if (sysv_load_index(&sysv_shm_type, index, &stat) == 0 && (stat.perm.mode & SHM_LOCKED) &&
		    (stat.perm.uid == uid || stat.perm.cuid == uid))
			bytes += stat.shm.shm_segsz;
	}
	return bytes;
}

/*
 * SHM_LOCK for a user other than root, by a daemon that is root. The kernel would apply the daemon's RLIMIT_MEMLOCK and charge
 * root, for all users together. Therefore the daemon applies the caller's own limit, and then locks. Called with the caller's
 * credentials.
 */
static int lock_for_user(const SysvStat *segment)
{
	const uid_t uid = geteuid();
	uint64_t limit;
	int result;

	if (segment->perm.uid != uid && segment->perm.cuid != uid)
		return refuse(EPERM, "only the owner, the creator or root may lock the segment");
	if (segment->perm.mode & SHM_LOCKED)
		return 0;
	if (!procfs_limit(creds_caller_pid(), uid, "Max locked memory", &limit))
		return refuse(EPERM, "limit on locked memory of the process that opened this file is unknown: open it "
				     "again");
	if (limit == 0)
		return refuse(EPERM, "limit on locked memory is 0: raise it with ulimit -l");
	if (limit < segment->shm.shm_segsz || locked_bytes(uid) > limit - segment->shm.shm_segsz)
		return refuse(ENOMEM, "locked segments of this user would exceed the limit on locked memory: raise it "
				      "with ulimit -l");
	creds_raise();
	result = shmctl(segment->id, SHM_LOCK, NULL) < 0 ? -errno : 0;
	creds_lower();
	return result;
}

static int lock_store(const Object *object, const char *text)
{
	SysvStat segment;
	int64_t on;
	int result;

	if (!parse_number(text, 0, 1, &on))
		return refuse(EINVAL,
			      "lock is 1 (SHM_LOCK: keep the segment in memory) or 0 (SHM_UNLOCK): write one of them");
	result = sysv_load(&sysv_shm_type, object, &segment);
	if (result < 0)
		return result;
	if (on && creds_overridden())
		return lock_for_user(&segment);
	if (shmctl(segment.id, on ? SHM_LOCK : SHM_UNLOCK, NULL) == 0)
		return 0;
	if (errno == ENOMEM)
		return refuse(ENOMEM,
			      "segment is larger than the limit on locked memory allows: raise it with ulimit -l");
	return -errno;
}

/* -- The table --------------------------------------------------------------------------------------------------------- */

static void print_locked(const void *value, GString *out)
{
	text_number(out, (*(const mode_t *)value & SHM_LOCKED) != 0);
}

static void print_destroyed(const void *value, GString *out)
{
	g_string_append(out, *(const mode_t *)value & SHM_DEST ? "yes\n" : "no\n");
}

static const Attribute attributes[] = {
	SYSV_ATTRIBUTES,
	{"size", "bytes", attribute_print_ulong, offsetof(SysvStat, shm.shm_segsz), .store = size_store},
	{"nattch", "processes", attribute_print_ulong, offsetof(SysvStat, shm.shm_nattch)},
	{"cpid", "pid", attribute_print_int, offsetof(SysvStat, shm.shm_cpid)},
	{"lpid", "pid", attribute_print_int, offsetof(SysvStat, shm.shm_lpid)},
	{"atime", "time", attribute_print_time, offsetof(SysvStat, shm.shm_atime)},
	{"dtime", "time", attribute_print_time, offsetof(SysvStat, shm.shm_dtime)},
	{"ctime", "time", attribute_print_time, offsetof(SysvStat, shm.shm_ctime)},
	{"lock", NULL, print_locked, offsetof(SysvStat, perm.mode), .store = lock_store},
	{"destroyed", NULL, print_destroyed, offsetof(SysvStat, perm.mode)},
	{0},
};

const AttributeSet sysv_shm_attributes = {.attributes = attributes, .size = sizeof(SysvStat), .load = load_snapshot};
