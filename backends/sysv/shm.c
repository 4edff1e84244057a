/*
 * sysv/shm: System V shared-memory segments. This file has the directory.
 *
 * Segments differ from the other System V objects in two ways. A segment has a fixed size (shm_resize.h). A segment that is removed
 * while processes have it attached loses its key, and exists until the last process detaches it.
 *
 * fs/ calls the functions here through the DirOps table. Locking: sysv_shm_key_lock is held while a segment gets or loses a key or
 * a name.
 */
#include "backends/sysv/shm.h"

#include <errno.h>

#include "backends/core/refusal.h"
#include "backends/posix/sem.h"
#include "backends/sysv/shm_attached.h"
#include "backends/sysv/shm_attributes.h"
#include "backends/sysv/shm_memory.h"
#include "backends/sysv/shm_segment.h"

/* shmget(2) returns ENOSPC for two limits. sysv_create() has noted shmmni as the reason. */
static void explain_full(void)
{
	struct shm_info info;
	struct shminfo limits;

	if (shmctl(0, SHM_INFO, (struct shmid_ds *)&info) >= 0 &&
	    shmctl(0, IPC_INFO, (struct shmid_ds *)&limits) >= 0 && (unsigned long)info.used_ids < limits.shmmni)
		refuse(ENOSPC, "pages of all segments would exceed limits/shmall: remove some segments");
}

static int shm_create(const void *context, const Object *directory, const char *name, mode_t mode, Object *out)
{
	int result;

	g_mutex_lock(&sysv_shm_key_lock);
	result = sysv_create(context, directory, name, mode, out);
	g_mutex_unlock(&sysv_shm_key_lock);
	if (result == -ENOSPC)
		explain_full();
	return result;
}

static int shm_remove(const void *context, const Object *object)
{
	int result;

	g_mutex_lock(&sysv_shm_key_lock);
	result = sysv_remove(context, object);
	g_mutex_unlock(&sysv_shm_key_lock);
	return result;
}

static int shm_rename(const void *context, const Object *object, const char *name)
{
	int result;

	g_mutex_lock(&sysv_shm_key_lock);
	result = sysv_rename(context, object, name);
	g_mutex_unlock(&sysv_shm_key_lock);
	return result;
}

/* Memory cannot be opened for writing only: shmat(2) needs the right to read as well. */
static int shm_permit(const void *context, const Object *object, const Caller *caller, int rights)
{
	return sysv_permit(context, object, caller, rights & RIGHT_WRITE ? rights | RIGHT_READ : rights);
}

static const DirOps shm_members = {
	.context = &sysv_shm_type,
	.list = sysv_list,
	.lookup = sysv_lookup,
	.create = shm_create,
	.remove = shm_remove,
	.rename = shm_rename,
	.stat = sysv_stat,
	.set = sysv_set,
	.permit = shm_permit,
};

static const FileDesc segment_files[] = {
	STATUS(&sysv_shm_attributes),
	ATTRIBUTE("key", 0444, &sysv_shm_attributes),
	ATTRIBUTE("id", 0444, &sysv_shm_attributes),
	SLOW_ATTRIBUTE("size", 0644, &sysv_shm_attributes),
	ATTRIBUTE("nattch", 0444, &sysv_shm_attributes),
	ATTRIBUTE("cpid", 0444, &sysv_shm_attributes),
	ATTRIBUTE("lpid", 0444, &sysv_shm_attributes),
	ATTRIBUTE("atime", 0444, &sysv_shm_attributes),
	ATTRIBUTE("dtime", 0444, &sysv_shm_attributes),
	ATTRIBUTE("ctime", 0444, &sysv_shm_attributes),
	SLOW_ATTRIBUTE("lock", 0644, &sysv_shm_attributes),
	ATTRIBUTE("destroyed", 0444, &sysv_shm_attributes),
	{.name = "attached", .kind = TEXT, .mode = 0444, .text = &sysv_shm_attached, .mechanism = &sysv_shm_data},
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
