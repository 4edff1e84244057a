/*
 * Unnamed POSIX semaphores: those of sem_init(3) with pshared, at an offset in shared memory. fs/ calls the look-up; sem.c has the
 * files.
 */
#include <errno.h>

#include "backends/core/parse.h"
#include "backends/posix/sem.h"
#include "backends/posix/sem_memory.h"

/* Nothing tells which offsets hold a semaphore, so the directory lists none. An offset beyond the end of the memory fails when the
 * semaphore is used. */
static int unnamed_lookup(const void *context, const Object *directory, const char *name, Object *out)
{
	int64_t offset;

	if (!parse_number(name, 0, INT64_MAX - SHARED_SEM_SIZE, &offset) || (name[0] == '0' && name[1]) ||
	    offset % SHARED_SEM_ALIGN != 0)
		return -ENOENT;
	*out = *directory;
	out->part = offset;
	return 0;
}

const DirOps posix_sem_unnamed = {.lookup = unnamed_lookup};
