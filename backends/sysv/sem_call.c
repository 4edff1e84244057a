/* The calls for System V semaphore sets (sem_call.h). The other sem files call it. There is no state and no lock. */
#include "backends/sysv/sem_call.h"

#include <errno.h>

/* A new set has one semaphore. For a set that exists, 0 asks for any number. */
static int set_get(key_t key, int flags)
{
	return semget(key, flags & IPC_CREAT ? 1 : 0, flags);
}

static int set_control(int id, int command, void *argument)
{
	return semctl(id, 0, command, (union semun){.buf = argument});
}

static void set_fill_stat(const SysvStat *stat, ObjectStat *out)
{
	const struct semid_ds *ds = &stat->sem;

	out->size = (off_t)(ds->sem_nsems * sizeof(unsigned short));
	out->atime = ds->sem_otime;
	out->mtime = MAX(ds->sem_otime, ds->sem_ctime);
	out->ctime = ds->sem_ctime;
}

const SysvType sysv_sem_type = {
	.word = "sem",
	.limit = "semmni or semmns",
	.get = set_get,
	.control = set_control,
	.stat_any = SEM_STAT_ANY,
	.info = SEM_INFO,
	.fill = set_fill_stat,
};

int sysv_sem_control(const Object *object, int command, int value)
{
	int result = semctl((int)object->id, (int)object->part, command, (union semun){.val = value});

	return result < 0 ? sysv_removed(errno) : result;
}

unsigned short *sysv_sem_values(const Object *object, size_t *nsems, int *result)
{
	g_autofree unsigned short *values = NULL;
	SysvStat stat;

	*result = sysv_load(&sysv_sem_type, object, &stat);
	if (*result < 0)
		return NULL;
	*nsems = stat.sem.sem_nsems;
	values = g_new(unsigned short, stat.sem.sem_nsems);
	if (semctl((int)object->id, 0, GETALL, (union semun){.array = values}) == 0)
		return g_steal_pointer(&values);
	*result = sysv_removed(errno);
	return NULL;
}
