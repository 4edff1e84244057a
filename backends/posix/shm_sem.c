#include "backends/posix/shm_sem.h"

#include "backends/posix/sem.h"
#include "backends/posix/shm.h"
#include "backends/sysv/shm.h"

static const PosixSem in_posix = POSIX_SEM_UNNAMED(posix_shm_backing);
static const PosixSem in_sysv = POSIX_SEM_UNNAMED(sysv_shm_backing);

static const Row posix_files[] = {POSIX_SEM_FILES(in_posix)};
static const Row sysv_files[] = {POSIX_SEM_FILES(in_sysv)};

static const Row posix_sem = {.kind = DIRECTORY, .rows = posix_files};
static const Row sysv_sem = {.kind = DIRECTORY, .rows = sysv_files};

const Row posix_shm_sem_row = {
	.name = "sem",
	.kind = DIRECTORY,
	.members = &posix_sem_unnamed,
	.member = &posix_sem,
};

const Row sysv_shm_sem_row = {
	.name = "sem",
	.kind = DIRECTORY,
	.members = &posix_sem_unnamed,
	.member = &sysv_sem,
};
