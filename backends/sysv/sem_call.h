/* System V semaphore sets: what the files of sysv/sem need to call semctl(2). */
#pragma once

#include "backends/sysv/ipc.h"

extern const SysvType sysv_sem_type;

/* semctl(2) leaves the definition to its callers. */
union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
	struct seminfo *info;
};

enum { SEMVMX_LINUX = 32767 }; /* the largest value, and the largest adjustment (semop(2), ERANGE) */

/*
 * semctl(2) on the semaphore that Object.part numbers. `value` is the argument of SETVAL. Returns the number that semctl returned,
 * -EIDRM once the set is removed, or another negative errno.
 */
int sysv_sem_control(const Object *object, int command, int value);

/* GETALL: *nsems values, which the caller frees with g_free(). On failure, NULL and *result is a negative errno. */
unsigned short *sysv_sem_values(const Object *object, size_t *nsems, int *result);
