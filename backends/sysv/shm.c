/*
 * sysv/shm: System V shared-memory segments. What is special to them beside other System V objects: a segment has a size,
 * which it keeps (sysv_shm_resize.c has how another one is made of it), and one that was removed while attached lives on,
 * without its key, until the last process detaches.
 */
#include "backends/sysv/shm.h"

#include <errno.h>
#include <unistd.h>

#include "backends/core/credentials.h"
#include "backends/posix/sem.h"
#include "backends/core/refusal.h"

static int get(key_t key, int flags)
{
	return shmget(key, flags & IPC_CREAT ? (size_t)sysconf(_SC_PAGESIZE) : 0, flags);
}

static void fill_stat(const struct shmid_ds *ds, int id, SysvStat *out)
{
	*out = (SysvStat){
		.id = id,
		.perm = ds->shm_perm,
		.stat =
			{
				.size = (off_t)ds->shm_segsz,
				.atime = ds->shm_atime,
				.mtime = MAX(MAX(ds->shm_atime, ds->shm_dtime), ds->shm_ctime),
				.ctime = ds->shm_ctime,
			},
	};
	sysv_stat_owner(out);
}

static int stat_id(int id, SysvStat *out)
{
	struct shmid_ds ds;

	if (shmctl(id, IPC_STAT, &ds) < 0)
		return -errno;
	fill_stat(&ds, id, out);
	return 0;
}

static int stat_at(int index, SysvStat *out)
{
	struct shmid_ds ds;
	int id = shmctl(index, SHM_STAT_ANY, &ds);

	if (id < 0)
		return -errno;
	fill_stat(&ds, id, out);
	return 0;
}

static int highest(void)
{
	struct shm_info info;

	return shmctl(0, SHM_INFO, (struct shmid_ds *)&info);
}

static int remove_id(int id)
{
	return shmctl(id, IPC_RMID, NULL);
}

static int set_perm(int id, const struct ipc_perm *perm)
{
	struct shmid_ds ds = {.shm_perm = *perm}; /* IPC_SET takes nothing else */

	return shmctl(id, IPC_SET, &ds) < 0 ? -errno : 0;
}

const SysvType sysv_shm_type = {
	.word = "shm",
	.limit = "shmmni",
	.get = get,
	.stat = stat_id,
	.stat_at = stat_at,
	.highest = highest,
	.remove = remove_id,
	.set = set_perm,
};

int sysv_shm_stat(const Object *object, struct shmid_ds *out)
{
	int id = sysv_shm_id(object), result;

	creds_raise();
	result = shmctl(id, IPC_STAT, out) < 0 ? -errno : 0;
	creds_lower();
	return result == -EINVAL ? -EIDRM : result;
}

/* -- The directory -------------------------------------------------------------------------------------------------- */

static Object as_it_is_now(const Object *object)
{
	Object now = *object;

	now.id = sysv_shm_id(object);
	return now;
}

static int shm_list(const void *context, const Object *at, MemberSeen seen, void *data)
{
	return sysv_list(&sysv_shm_type, NULL, seen, data);
}

static int shm_lookup(const void *context, const Object *at, const char *name, Object *out)
{
	return sysv_lookup(&sysv_shm_type, NULL, name, out);
}

/* shmget(2) has one errno for two limits. */
static int explain_full(void)
{
	struct shm_info info;
	struct shminfo limits;

	creds_raise();
	if (shmctl(0, SHM_INFO, (struct shmid_ds *)&info) >= 0 &&
	    shmctl(0, IPC_INFO, (struct shmid_ds *)&limits) >= 0 && (unsigned long)info.used_ids < limits.shmmni)
		refuse(ENOSPC, "all segments together would have more pages than limits/shmall allows");
	creds_lower();
	return -ENOSPC;
}

static int shm_create(const void *context, const Object *at, const char *name, mode_t mode, Object *out)
{
	int result;

	g_mutex_lock(&sysv_shm_remaking);
	result = sysv_create(&sysv_shm_type, NULL, name, mode, out);
	g_mutex_unlock(&sysv_shm_remaking);

	return result == -ENOSPC ? explain_full() : result;
}

static int shm_remove(const void *context, const Object *object)
{
	const Object now = as_it_is_now(object);

	return sysv_remove(&sysv_shm_type, &now);
}

static int shm_rename(const void *context, const Object *object, const char *name)
{
	const Object now = as_it_is_now(object);
	int result;

	g_mutex_lock(&sysv_shm_remaking);
	result = sysv_rename(&sysv_shm_type, &now, name);
	g_mutex_unlock(&sysv_shm_remaking);
	return result;
}

static int shm_stat(const void *context, const Object *object, ObjectStat *out)
{
	const Object now = as_it_is_now(object);

	return sysv_stat(&sysv_shm_type, &now, out);
}

static int shm_set(const void *context, const Object *object, const ObjectChange *change)
{
	const Object now = as_it_is_now(object);

	return sysv_set(&sysv_shm_type, &now, change);
}

/* Memory that may only be written does not exist: shmat(2) asks for the right to read and to write. */
static int shm_permit(const void *context, const Object *object, const Caller *caller, int rights)
{
	const Object now = as_it_is_now(object);

	return sysv_permit(&sysv_shm_type, &now, caller, rights & RIGHT_WRITE ? rights | RIGHT_READ : rights);
}

static const DirOps shm_members = {
	.list = shm_list,
	.lookup = shm_lookup,
	.create = shm_create,
	.remove = shm_remove,
	.rename = shm_rename,
	.stat = shm_stat,
	.set = shm_set,
	.permit = shm_permit,
};

#define ATTRIBUTE(file, field)                                                                        \
	{                                                                                             \
		.name = file, .kind = TEXT, .mode = 0444, .text = &sysv_shm_attribute, .which = field \
	}

static const FileDesc segment_files[] = {
	{.name = "status", .kind = TEXT, .mode = 0444, .text = &sysv_shm_status},
	ATTRIBUTE("key", SHM_KEY),
	ATTRIBUTE("id", SHM_ID),
	{.name = "size", .kind = TEXT, .mode = 0644, .text = &sysv_shm_size, .which = SHM_SIZE},
	ATTRIBUTE("nattch", SHM_NATTCH),
	ATTRIBUTE("cpid", SHM_CPID),
	ATTRIBUTE("lpid", SHM_LPID),
	ATTRIBUTE("atime", SHM_ATIME),
	ATTRIBUTE("dtime", SHM_DTIME),
	ATTRIBUTE("ctime", SHM_CTIME),
	{.name = "lock", .kind = TEXT, .mode = 0644, .text = &sysv_shm_lock, .which = SHM_LOCKING},
	ATTRIBUTE("destroyed", SHM_DESTROYED),
	{.name = "attached", .kind = TEXT, .mode = 0444, .text = &sysv_shm_attached},
	{0},
};

/* Unnamed POSIX semaphores in the segment's memory. */
static const PosixSem unnamed = POSIX_SEM_UNNAMED(sysv_shm_backing);
static const FileDesc unnamed_files[] = {POSIX_SEM_FILES(unnamed)};
static const FileDesc unnamed_sem = {.kind = DIRECTORY, .files = unnamed_files};
static const FileDesc sem = {.name = "sem", .kind = DIRECTORY, .members = &posix_sem_unnamed, .member = &unnamed_sem};

static const FileDesc *const segment_mechanisms[] = {&sysv_shm_data, &sem, NULL};

static const FileDesc segment = {.kind = DIRECTORY, .files = segment_files, .mechanisms = segment_mechanisms};

const FileDesc sysv_shm_desc = {
	.name = "shm",
	.kind = DIRECTORY,
	.mode = 01777,
	.members = &shm_members,
	.member = &segment,
};
