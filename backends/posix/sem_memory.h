/*
 * A POSIX semaphore in memory shared with other processes: glibc's sem_t, in the layout of sem_open(3) and sem_init(3).
 *
 * The functions of glibc are not used, because another process can truncate the file at any moment. An access then raises SIGBUS, and
 * sem_wait(3) ends the process if futex(2) fails with EFAULT. Here both are the error -EIO.
 *
 * Called by sem.c. All functions may be called from any thread; only sem_memory_wait() sleeps.
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
 * Maps the semaphore at this offset of a file (a multiple of SHARED_SEM_ALIGN). All handles of a semaphore share one mapping, which is
 * charged to the user that opened it first. 0 or a negative errno; fd stays the caller's.
 */
int sem_memory_open(int fd, off_t offset, uid_t uid, SemMemory **out);
void sem_memory_close(SemMemory *sem);

/* sem_trywait: 0, -EAGAIN, or as below. */
int sem_memory_try(SemMemory *sem);

/* sem_wait: 0 or -EINTR. All operations: -EIO if the memory is gone, -EINVAL if it holds no semaphore that processes share. */
int sem_memory_wait(SemMemory *sem);

/* sem_post, n times at once: 0 or -EOVERFLOW. */
int sem_memory_post(SemMemory *sem, uint32_t n);

/* sem_getvalue, and the number of waiters. */
int sem_memory_get(SemMemory *sem, uint32_t *value, uint32_t *waiters);

/* Sets the value and wakes as many waiters as it allows. `make`: initialises a semaphore if there is none (sem_init(3)). */
int sem_memory_set(SemMemory *sem, uint32_t value, bool make);

/* The same as sem_memory_get(), for SHARED_SEM_SIZE bytes that were read. */
int sem_memory_decode(const char *bytes, uint32_t *value, uint32_t *waiters);

/* Writes the SHARED_SEM_SIZE bytes of a new semaphore. */
void sem_memory_encode(uint32_t value, char *bytes);
