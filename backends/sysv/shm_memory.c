/*
 * The memory of a System V segment as a file. The kernel lists a mapping under /proc/self/map_files, and opening that entry
 * (CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE) gives a descriptor of the segment's own inode; the mapping can go then.
 * Without the privilege bytes are copied, the segment attached for a moment each time.
 *
 * The inode must not grow: the kernel takes its size for the segment's in places (shmat(2), the accounting of memory), and
 * a write past the end would extend it. Hence `bounded`.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "backends/core/credentials.h"
#include "backends/sysv/shm.h"
#include "backends/core/refusal.h"

static void *attach(int id, int flags)
{
	return shmat(id, NULL, (flags & O_ACCMODE) == O_RDONLY ? SHM_RDONLY : 0);
}

/* shmat(2) of what was there a moment ago. */
static int attach_error(int error)
{
	return error == EINVAL ? -EIDRM : -error;
}

static int open_mapping(const char *at, size_t size, int flags)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct statfs fs;
	char path[96];
	int fd;

	snprintf(path, sizeof path, "/proc/self/map_files/%lx-%lx", (unsigned long)at,
		 (unsigned long)at + ((size + page - 1) / page) * page);
	fd = open(path, (flags & O_ACCMODE) | O_CLOEXEC);
	/* A mapping of huge pages may be larger than the segment: then there is no such entry. */
	if (fd < 0 ? errno == ENOENT && access("/proc/self/map_files", X_OK) == 0 :
		     fstatfs(fd, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC) {
		if (fd >= 0)
			close(fd);
		return refuse(EOPNOTSUPP, "a segment of huge pages (SHM_HUGETLB) can be used with shmat(2) only");
	}
	return fd < 0 ? -ENODEV : fd;
}

int sysv_shm_backing(const Object *object, int flags)
{
	struct shmid_ds ds;
	int result = sysv_shm_stat(object, &ds);
	char *at;

	if (result < 0)
		return result;
	creds_raise();
	at = attach(sysv_shm_id(object), flags);
	if (at == (char *)-1) {
		result = attach_error(errno);
	} else {
		result = open_mapping(at, ds.shm_segsz, flags);
		shmdt(at);
	}
	creds_lower();
	return result;
}

static ssize_t copy(const Object *object, Direction direction, char *bytes, size_t size, off_t offset)
{
	struct shmid_ds ds;
	int result = sysv_shm_stat(object, &ds);
	char *at;

	if (result < 0)
		return result;
	if ((size_t)offset >= ds.shm_segsz)
		return 0;
	size = MIN(size, ds.shm_segsz - (size_t)offset);
	at = attach(sysv_shm_id(object), direction == READING ? O_RDONLY : O_RDWR);
	if (at == (char *)-1)
		return attach_error(errno);
	if (direction == READING)
		memcpy(bytes, at + offset, size);
	else
		memcpy(at + offset, bytes, size);
	shmdt(at);
	return (ssize_t)size;
}

static const MemoryOps memory = {
	.backing = sysv_shm_backing,
	.resize = sysv_shm_resize,
	.copy = copy,
	.bounded = true,
};

const FileDesc sysv_shm_data = {.name = "data", .kind = MEMORY, .mode = 0666, .memory = &memory};
