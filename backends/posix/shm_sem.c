#include "backends/posix/shm_sem.h"

#include "backends/posix/sem.h"
#include "backends/posix/shm.h"
#include "backends/sysv/shm.h"

static const PosixSem in_posix = POSIX_SEM_UNNAMED(posix_shm_backing);
static const PosixSem in_sysv = POSIX_SEM_UNNAMED(sysv_shm_backing);

static const FileDesc posix_files[] = {POSIX_SEM_FILES(in_posix)};
static const FileDesc sysv_files[] = {POSIX_SEM_FILES(in_sysv)};

static const FileDesc posix_sem = {.kind = DIRECTORY, .files = posix_files};
static const FileDesc sysv_sem = {.kind = DIRECTORY, .files = sysv_files};

const FileDesc posix_shm_sem_desc = {
	.name = "sem",
	.kind = DIRECTORY,
	.members = &posix_sem_unnamed,
	.member = &posix_sem,
};

const FileDesc sysv_shm_sem_desc = {
	.name = "sem",
	.kind = DIRECTORY,
	.members = &posix_sem_unnamed,
	.member = &sysv_sem,
};
