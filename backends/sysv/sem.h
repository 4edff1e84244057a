/* System V semaphore sets, sysv/sem: what its files share. The directory itself is sysv_sem_row. */
#pragma once

#include <sys/sem.h>

#include "backends/core/backend.h"
#include "backends/common/semaphore.h"
#include "backends/sysv/ipc.h"

extern const FileDesc sysv_sem_desc;

/* semctl(2) leaves it to its callers to say so. */
union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
	struct seminfo *info;
};

enum { SEMVMX_LINUX = 32767 }; /* the largest value, and the largest adjustment (semop(2), ERANGE) */

/* IPC_STAT. 0, -EIDRM once the set is gone, or another negative errno. */
int sysv_sem_stat(const Object *object, struct semid_ds *out);

/* semctl(2) with a command that has no argument, or SETVAL's. A number, -EIDRM, or another negative errno. */
int sysv_sem_control(const Object *object, int command, int value);

/* A handle's set was there when it was opened, so EINVAL for its id means that it is gone and its slot free. */
int sysv_sem_removed(int error);

/* GETALL: *nsems values, the caller's to g_free(); NULL and *result a negative errno. */
unsigned short *sysv_sem_values(const Object *object, size_t *nsems, int *result);

/* semop(2); see Semaphore.operate and could. */
int sysv_sem_operate(const Object *object, const SemaphoreChange *changes, size_t count, BlockMode block);
int sysv_sem_could(const Object *object, const SemaphoreChange *changes, size_t count);

/*
 * What SEM_UNDO does at a process's end: adds `by` to the semaphore, as much of it as its range allows (semop(2), BUGS).
 * Never sleeps.
 */
void sysv_sem_adjust(const Object *object, unsigned short number, int by);

extern const Semaphore sysv_sem_set, sysv_sem_one, sysv_sem_undo;

/* -- Attributes (sysv_sem_attributes.c): the row's `which` says which ------------------------------------------------ */

/* Of the set, and of one semaphore. */
enum { SEM_KEY, SEM_ID, SEM_NSEMS, SEM_OTIME, SEM_CTIME, SEM_ATTRIBUTES };
enum { ONE_VALUE, ONE_NCNT, ONE_ZCNT, ONE_PID, ONE_ATTRIBUTES };

extern const TextOps sysv_sem_attribute, sysv_sem_values_text, sysv_sem_status;
extern const TextOps sysv_sem_one_attribute, sysv_sem_one_value, sysv_sem_one_status;

/*
 * SETALL with another number of values: the set is made anew under its key with that many, if nobody has used it. Runs as the
 * caller. 0 or a negative errno.
 */
int sysv_sem_make_anew(const Object *object, const struct semid_ds *old, unsigned short *values, size_t count);
