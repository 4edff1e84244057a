/*
 * The files of a POSIX semaphore: value, op, hold, waiters and status. sem_named.c and sem_unnamed.c find the memory of the semaphore,
 * sem_memory.c implements the operations on a sem_t.
 *
 * A handle has the semaphore mapped from open to close. `hold` therefore gives back to the semaphore that it took from, even if
 * that has lost its name.
 *
 * fs/ and the functions of common/semaphore.c call these functions; several calls of posix_sem_operate() for one handle can run at a
 * time. They hold no lock. Only posix_sem_operate() with BLOCK sleeps.
 */
#include "backends/posix/sem.h"

#include <errno.h>
#include <unistd.h>

#include "backends/core/credentials.h"
#include "backends/core/parse.h"
#include "backends/core/refusal.h"
#include "backends/core/text.h"
#include "backends/posix/sem_memory.h"

enum { MAPPED = SEMAPHORE_OWN }; /* Handle.state: the SemMemory */

static const PosixSem *posix_sem_of(const FileDesc *desc)
{
	return desc->mechanism;
}

static SemMemory *mapping_of(const Handle *handle)
{
	return (SemMemory *)(intptr_t)handle->state[MAPPED];
}

static int map_semaphore(const FileDesc *desc, const Object *object, uid_t uid, SemMemory **out)
{
	int fd = posix_sem_of(desc)->backing(object, O_RDWR);
	int result;

	if (fd < 0)
		return fd;
	result = sem_memory_open(fd, object->part, uid, out);
	close(fd);
	return result;
}

/* -- Operations ----------------------------------------------------------------------------------------------------- */

int posix_sem_open(Handle *handle)
{
	SemMemory *sem;
	int result = map_semaphore(handle->desc, &handle->object, handle->caller.uid, &sem);

	if (result == 0)
		handle->state[MAPPED] = (int64_t)(intptr_t)sem;
	return result;
}

int posix_sem_operate(Handle *handle, const SemaphoreChange *changes, size_t count, BlockMode block)
{
	int64_t by = changes[0].by;

	g_assert(count == 1);
	if (by > SHARED_SEM_MAX)
		return refuse(EOVERFLOW, "value is too large: a semaphore's value is at most %d", SHARED_SEM_MAX);
	if (by > 0)
		return sem_memory_post(mapping_of(handle), (uint32_t)by);
	if (by < -1 || by == 0)
		return refuse(EINVAL, "invalid change of a POSIX semaphore: write -1, or + and a number");
	return block == NONBLOCK ? sem_memory_try(mapping_of(handle)) : sem_memory_wait(mapping_of(handle));
}

int posix_sem_could(Handle *handle, const SemaphoreChange *changes, size_t count)
{
	uint32_t value, waiters;
	int result = sem_memory_get(mapping_of(handle), &value, &waiters);

	(void)changes, (void)count; /* only -1 can wait */
	return result < 0 ? result : value > 0;
}

void posix_sem_give_back(Handle *handle)
{
	sem_memory_post(mapping_of(handle), 1);
}

void posix_sem_close(Handle *handle)
{
	sem_memory_close(mapping_of(handle));
	handle->state[MAPPED] = 0;
}

/* -- Text ----------------------------------------------------------------------------------------------------------- */

/* Reads value and waiters with pread(2), which needs neither the right to write nor a mapping. */
static int get_value(const FileDesc *desc, const Object *object, uint32_t *value, uint32_t *waiters)
{
	int fd = posix_sem_of(desc)->backing(object, O_RDONLY);
	char bytes[SHARED_SEM_SIZE];
	ssize_t n;

	if (fd < 0)
		return fd;
	n = pread(fd, bytes, sizeof bytes, object->part);
	n = n < 0 ? -errno : n;
	close(fd);
	if (n < 0)
		return (int)n;
	if (n < (ssize_t)sizeof bytes)
		return refuse(EINVAL, "memory is too short: a semaphore takes %d bytes from this offset",
			      SHARED_SEM_SIZE);
	return sem_memory_decode(bytes, value, waiters);
}

static int attribute_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	uint32_t value, waiters;
	int result = get_value(desc, object, &value, &waiters);

	if (result == 0)
		text_number(out, desc->which == POSIX_SEM_VALUE ? value : waiters);
	return result;
}

static int value_store(const FileDesc *desc, const Object *object, const char *text)
{
	const uid_t uid = geteuid();
	SemMemory *sem;
	int64_t value;
	int result;

	if (!parse_number(text, 0, INT64_MAX, &value))
		return refuse(EINVAL, "value is not a number: write a number, or write changes to op");
	if (value > SHARED_SEM_MAX)
		return refuse(EOVERFLOW, "value is too large: a semaphore's value is at most %d", SHARED_SEM_MAX);
	creds_raise();
	result = map_semaphore(desc, object, uid, &sem);
	creds_lower();
	if (result < 0)
		return result;
	result = sem_memory_set(sem, (uint32_t)value, posix_sem_of(desc)->make);
	sem_memory_close(sem);
	return result;
}

static int status_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	uint32_t value, waiters;
	int result = get_value(desc, object, &value, &waiters);

	if (result == 0)
		g_string_append_printf(out, "Value:\t%u\nWaiters:\t%u\n", value, waiters);
	return result;
}

const TextOps posix_sem_value = {.show = attribute_show, .store = value_store};
const TextOps posix_sem_attribute = {.show = attribute_show};
const TextOps posix_sem_status = {.show = status_show};
