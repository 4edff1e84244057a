/*
 * posix/sem: POSIX named semaphores. glibc keeps the semaphore `/NAME` in the file /dev/shm/sem.NAME, which contains one sem_t
 * (sem_overview(7)).
 *
 * fs/ calls the functions with the caller's credentials on the thread. None holds a lock.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "backends/common/folder.h"
#include "backends/core/credentials.h"
#include "backends/core/refusal.h"
#include "backends/posix/sem.h"
#include "backends/posix/sem_memory.h"

static const Folder folder = {.open = folder_dev_shm, .prefix = "sem."};

static int backing(const Object *object, int flags)
{
	return folder_open(&folder, object, flags);
}

/* -- DirOps -------------------------------------------------------------------------------------------------------- */

/* Links a file without a name to this name, which must not exist. Runs as the daemon, because /proc/self belongs to the daemon. */
static int link_file(int fd, const char *name)
{
	FolderFile file;
	char self[64];
	int folder_fd = folder_dev_shm(), result;

	if (folder_fd < 0)
		return folder_fd;
	folder_file(&folder, name, file);
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	creds_raise();
	result = linkat(AT_FDCWD, self, folder_fd, file, AT_SYMLINK_FOLLOW) ? -errno : 0;
	creds_lower();
	close(folder_fd);
	return result;
}

/* The file gets its name when it is complete: a concurrent sem_open(3) finds a whole semaphore or none. */
static int named_create(const void *context, const Object *directory, const char *name, mode_t mode, Object *out)
{
	char bytes[SHARED_SEM_SIZE];
	struct stat stat;
	int fd, result = folder_check_name(&folder, name);

	if (result < 0)
		return result;
	fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == EACCES ? refuse(EACCES, "the caller has no right to create files in /dev/shm") : -errno;
	sem_memory_encode(0, bytes);
	if (write(fd, bytes, sizeof bytes) != sizeof bytes)
		result = -ENOSPC;
	else if (fchmod(fd, mode) || fstat(fd, &stat))
		result = -errno;
	else
		result = link_file(fd, name);
	close(fd);
	if (result == 0)
		folder_object(name, &stat, out);
	return result;
}

static const DirOps named_members = {
	.context = &folder,
	.list = folder_list,
	.lookup = folder_lookup,
	.create = named_create,
	.remove = folder_remove,
	.rename = folder_rename,
	.stat = folder_stat,
	.set = folder_set,
	.permit = folder_permit,
};

static const PosixSem named = {.semaphore = POSIX_SEM_OPERATIONS, .backing = backing};

static const FileDesc named_files[] = {POSIX_SEM_FILES(named)};

static const FileDesc named_sem = {.kind = DIRECTORY, .files = named_files};

const FileDesc posix_sem_desc = {
	.name = "sem",
	.kind = DIRECTORY,
	.mode = 01777,
	.members = &named_members,
	.member = &named_sem,
};
