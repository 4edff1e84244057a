/*
 * POSIX semaphores. Named ones are the directory posix/sem. Unnamed ones are in shared memory: a mechanism of shared memory gives its
 * objects a directory `sem`, in which a semaphore is named after its offset.
 */
#pragma once

#include "backends/common/semaphore.h"
#include "backends/core/backend.h"

extern const FileDesc posix_sem_desc;

/* A kind of POSIX semaphore. The FileDescs of its files point to it with `mechanism`. */
typedef struct PosixSem {
	Semaphore semaphore; /* the first member: the functions of semaphore.h read `mechanism` as a Semaphore */
	/*
	 * Returns a descriptor of the memory, in which the semaphore is at offset Object.part. `flags` is O_RDONLY or O_RDWR.
	 * Called as the daemon: the caller's rights have been checked.
	 */
	int (*backing)(const Object *object, int flags);
	bool make; /* a write to `value` initialises a semaphore where there is none */
} PosixSem;

int posix_sem_open(Handle *handle);
int posix_sem_operate(Handle *handle, const SemaphoreChange *changes, size_t count, BlockMode block);
int posix_sem_could(Handle *handle, const SemaphoreChange *changes, size_t count);
void posix_sem_give_back(Handle *handle);
void posix_sem_close(Handle *handle);

/* A PosixSem's first member. */
#define POSIX_SEM_OPERATIONS                                                                    \
	{                                                                                       \
		.open = posix_sem_open, .operate = posix_sem_operate, .could = posix_sem_could, \
		.give_back = posix_sem_give_back, .close = posix_sem_close,                     \
	}

enum { POSIX_SEM_VALUE, POSIX_SEM_WAITERS };

extern const TextOps posix_sem_value, posix_sem_attribute, posix_sem_status;

/* The files of a semaphore; `posix_sem` is a PosixSem. */
/* clang-format off */
#define POSIX_SEM_FILES(posix_sem)                                                                                      \
	{.name = "value", .kind = TEXT, .mode = 0666, .text = &posix_sem_value, .mechanism = &(posix_sem)},              \
	{.name = "op", .kind = STREAM, .mode = 0222, .stream = &semaphore_op, .mechanism = &(posix_sem)},                \
	{.name = "hold", .kind = STREAM, .mode = 0222, .stream = &semaphore_hold, .mechanism = &(posix_sem)},            \
	{.name = "waiters", .kind = TEXT, .mode = 0444, .text = &posix_sem_attribute, .mechanism = &(posix_sem),         \
	 .which = POSIX_SEM_WAITERS},                                                                                   \
	{.name = "status", .kind = TEXT, .mode = 0444, .text = &posix_sem_status, .mechanism = &(posix_sem)},            \
	{0}
/* clang-format on */

/*
 * Unnamed semaphores (sem_unnamed.c). A mechanism of shared memory puts a directory `sem` into the directory of its objects. The
 * directory inherits owner, mode and permissions from the object:
 *
 *	static const PosixSem unnamed = POSIX_SEM_UNNAMED(backing);
 *	static const FileDesc unnamed_files[] = {POSIX_SEM_FILES(unnamed)};
 *	static const FileDesc unnamed_sem = {.kind = DIRECTORY, .files = unnamed_files};
 *	...
 *	{.name = "sem", .kind = DIRECTORY, .members = &posix_sem_unnamed, .member = &unnamed_sem},
 *
 * The Object of such a semaphore is that of the memory, with the offset as its part.
 */
extern const DirOps posix_sem_unnamed;

#define POSIX_SEM_UNNAMED(function)                                                     \
	{                                                                               \
		.semaphore = POSIX_SEM_OPERATIONS, .backing = (function), .make = true, \
	}
