/*
 * `data` of a System V segment (shm_memory.h). fs/ calls the functions through the MemoryOps table. There is no lock.
 */
#include "backends/sysv/shm_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "backends/core/credentials.h"
#include "backends/core/refusal.h"
#include "backends/sysv/shm_resize.h"
#include "backends/sysv/shm_segment.h"

static void *attach_segment(int id, int flags)
{
	return shmat(id, NULL, (flags & O_ACCMODE) == O_RDONLY ? SHM_RDONLY : 0);
}

/* A descriptor of the segment that is attached at `at`, or a negative errno. */
static int open_mapping(const char *at, size_t size, int flags)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct statfs fs;
	char path[96];
	int fd;

	snprintf(path, sizeof path, "/proc/self/map_files/%lx-%lx", (unsigned long)at,
		 (unsigned long)at + ((size + page - 1) / page) * page);
	fd = open(path, (flags & O_ACCMODE) | O_CLOEXEC);
	/* A mapping of huge pages may be larger than the segment, and then has no entry of this name. */
	if (fd < 0 ? errno == ENOENT && access("/proc/self/map_files", X_OK) == 0 :
		     fstatfs(fd, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC) {
		if (fd >= 0)
			close(fd);
		return refuse(EOPNOTSUPP, "segment has huge pages (SHM_HUGETLB): use it with shmat(2)");
	}
	return fd < 0 ? -ENODEV : fd;
}

int sysv_shm_backing(const Object *object, int flags)
{
	SysvStat stat;
	int result = sysv_load(&sysv_shm_type, object, &stat);
	char *at;

	if (result < 0)
		return result;
	creds_raise();
	at = attach_segment(stat.id, flags);
	if (at == (char *)-1) {
		result = sysv_removed(errno);
	} else {
		result = open_mapping(at, stat.shm.shm_segsz, flags);
		shmdt(at);
	}
	creds_lower();
	return result;
}

static ssize_t copy_pages(const Object *object, Direction direction, char *bytes, size_t size, off_t offset)
{
	SysvStat stat;
	int result = sysv_load(&sysv_shm_type, object, &stat);
	char *at;

	if (result < 0)
		return result;
	if ((size_t)offset >= stat.shm.shm_segsz)
		return 0;
	size = MIN(size, stat.shm.shm_segsz - (size_t)offset);
	at = attach_segment(stat.id, direction == READING ? O_RDONLY : O_RDWR);
	if (at == (char *)-1)
		return sysv_removed(errno);
	if (direction == READING)
		memcpy(bytes, at + offset, size);
	else
		memcpy(at + offset, bytes, size);
	shmdt(at);
	return (ssize_t)size;
}

/* MemoryOps.resize: the descriptor stays with the old memory, so that fs/ opens `data` again. */
static int resize_segment(const Object *object, int fd, off_t size)
{
	return sysv_shm_resize(object, &sysv_shm_data, size);
}

static const MemoryOps memory = {
	.backing = sysv_shm_backing,
	.resize = resize_segment,
	.copy = copy_pages,
	.bounded = true,
};

const FileDesc sysv_shm_data = {.name = "data", .kind = MEMORY, .mode = 0666, .memory = &memory};
