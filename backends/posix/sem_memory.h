/*
 * A POSIX semaphore in memory shared with other processes: glibc's sem_t, as sem_open(3) and sem_init(3) lay it out.
 *
 * glibc's own functions are not called on it. The memory is other people's: they may truncate its file at any moment. Then an
 * access raises SIGBUS, and sem_wait(3) ends the process when its futex(2) reports EFAULT. Here both are an error: -EIO.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	SHARED_SEM_SIZE = 32, /* sizeof(sem_t) */
	SHARED_SEM_ALIGN = 8
};

/* SEM_VALUE_MAX */
#define SHARED_SEM_MAX INT32_MAX

typedef struct SemMemory SemMemory;

/*
 * Maps the semaphore at this offset of a file (a multiple of SHARED_SEM_ALIGN). Everybody who has it open shares one mapping;
 * it is charged to the user who asked first, if not root. 0 or a negative errno; fd stays the caller's.
 */
int sem_memory_open(int fd, off_t offset, uid_t uid, SemMemory **out);
void sem_memory_close(SemMemory *sem);

/* sem_trywait: 0, -EAGAIN, or as below. */
int sem_memory_try(SemMemory *sem);

/* sem_wait: 0 or -EINTR. All of these: -EIO where the memory is gone, -EINVAL where no semaphore shared by processes is. */
int sem_memory_wait(SemMemory *sem);

/* sem_post, n times at once: 0 or -EOVERFLOW. */
int sem_memory_post(SemMemory *sem, uint32_t n);

/* sem_getvalue, and how many wait. */
int sem_memory_get(SemMemory *sem, uint32_t *value, uint32_t *waiters);

/* Gives it this value, whatever it was; those who wait go on as the value allows. `make`: where there is none, sem_init(3). */
int sem_memory_set(SemMemory *sem, uint32_t value, bool make);

/* The same as sem_memory_get(), of SHARED_SEM_SIZE bytes that were read. */
int sem_memory_decode(const char *bytes, uint32_t *value, uint32_t *waiters);

/* The bytes of a new semaphore, SHARED_SEM_SIZE of them. */
void sem_memory_encode(uint32_t value, char *bytes);
