/*
 * Another number of semaphores for a set (sem_resize.h). A write to `values` (sem_attributes.c) calls it, without a lock.
 */
#include "backends/sysv/sem_resize.h"

#include <errno.h>

#include "backends/core/credentials.h"
#include "backends/core/refusal.h"
#include "backends/sysv/sem_call.h"

/* Whether a process has operated on the set, or waits to. The kernel keeps the time of the last operation that succeeded. */
static bool is_used(const Object *object, const struct semid_ds *ds)
{
	bool used = ds->sem_otime != 0;

	for (unsigned long i = 0; i < ds->sem_nsems && !used; i++) {
		Object semaphore = *object;

		semaphore.part = (int64_t)i;
		used = sysv_sem_control(&semaphore, GETNCNT, 0) > 0 || sysv_sem_control(&semaphore, GETZCNT, 0) > 0;
	}
	return used;
}

/* Creates, as the caller, a set with the key, owner and mode of `old` and with these values. Returns 0 or a negative errno. */
static int create_like(const SysvStat *old, unsigned short *values, size_t count)
{
	struct semid_ds ds = {.sem_perm = old->perm};
	int id = semget(old->perm.__key, (int)count, IPC_CREAT | IPC_EXCL | (old->perm.mode & 0777));
	int result = id < 0 ? -errno : 0;

	/* The creator may set the values, whatever the mode says. */
	if (result == 0) {
		creds_raise();
		if (semctl(id, 0, SETALL, (union semun){.array = values}) < 0 ||
		    semctl(id, 0, IPC_SET, (union semun){.buf = &ds}) < 0)
			result = -errno;
		creds_lower();
	}
	return result;
}

int sysv_sem_resize(const Object *object, const SysvStat *old, unsigned short *values, size_t count)
{
	g_autofree unsigned short *old_values = NULL;
	struct seminfo info;
	size_t nsems;
	bool used;
	int result;

	creds_raise();
	used = is_used(object, &old->sem);
	old_values = sysv_sem_values(object, &nsems, &result);
	creds_lower();
	if (result < 0)
		return result;
	if (used)
		return refuse(EINVAL, "set has %zu semaphores and is in use: write %zu values", nsems, nsems);
	if (old->perm.__key == IPC_PRIVATE)
		return refuse(EINVAL, "set has %zu semaphores and no key under which to recreate it: write %zu values",
			      nsems, nsems);
	if (semctl(0, 0, IPC_INFO, (union semun){.info = &info}) >= 0 && count > (size_t)info.semmsl)
		return refuse(EINVAL, "more values than limits/semmsl (%d) allows in a set: write fewer", info.semmsl);
	if (semctl(old->id, 0, IPC_RMID) < 0)
		return errno == EPERM ?
			       refuse(EPERM,
				      "only the owner, the creator or root may change the number of semaphores") :
			       sysv_removed(errno);
	result = create_like(old, values, count);
	if (result == 0)
		return 0;
	if (create_like(old, old_values, nsems) < 0)
		return refuse(-result,
			      "the set is lost: its key was taken, or the limits were lowered, during the resize");
	return result == -ENOSPC ?
		       refuse(ENOSPC, "semaphores of all sets would exceed limits/semmns: write fewer values") :
		       result;
}
