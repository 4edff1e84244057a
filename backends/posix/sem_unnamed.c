/* Unnamed POSIX semaphores: sem_init(3) with pshared, at an offset of shared memory. See posix_sem.h. */
#include <errno.h>

#include "backends/core/parse.h"
#include "backends/posix/sem.h"
#include "backends/posix/sem_memory.h"

/* Nothing tells which offsets have one, so none are listed. The end of the memory is met when it is used. */
static int unnamed_lookup(const void *context, const Object *at, const char *name, Object *out)
{
	int64_t offset;

	if (!parse_number(name, 0, INT64_MAX - SHARED_SEM_SIZE, &offset) || (name[0] == '0' && name[1]) ||
	    offset % SHARED_SEM_ALIGN != 0)
		return -ENOENT;
	*out = *at;
	out->part = offset;
	return 0;
}

const DirOps posix_sem_unnamed = {.lookup = unnamed_lookup};
