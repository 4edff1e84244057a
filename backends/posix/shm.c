/*
 * posix/shm: POSIX shared-memory objects. They are the regular files of /dev/shm (shm_overview(7)) except those whose name begins
 * with `sem.`, which are semaphores.
 *
 * fs/ calls the functions with the caller's credentials on the thread. None holds a lock. `attached` and a write to `size` take long
 * and run on worker threads.
 */
#include "backends/posix/shm.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "backends/common/attributes.h"
#include "backends/common/folder.h"
#include "backends/common/mappers.h"
#include "backends/core/host.h"
#include "backends/core/parse.h"
#include "backends/core/refusal.h"
#include "backends/posix/sem.h"

static const Folder folder = {
	.open = folder_dev_shm,
	.prefix = "",
	.foreign = "sem.",
	.refusal = "names that begin with sem. belong to semaphores: use posix/sem",
};

/* -- The memory ----------------------------------------------------------------------------------------------------- */

static int backing(const Object *object, int flags)
{
	return folder_open(&folder, object, flags & (O_ACCMODE | O_APPEND));
}

/* MemoryOps.resize. `fd` -1: the object is not open. */
static int resize(const Object *object, int fd, off_t size)
{
	int opened = -1, result;

	if (fd < 0) {
		opened = folder_open(&folder, object, O_RDWR);
		if (opened < 0)
			return opened;
		fd = opened;
	}
	result = ftruncate(fd, size) < 0 ? -errno : 0;
	if (opened >= 0)
		close(opened);
	return result;
}

static const MemoryOps memory = {.backing = backing, .resize = resize};

static const FileDesc data = {.name = "data", .kind = MEMORY, .mode = 0666, .memory = &memory};

/* -- The directory -------------------------------------------------------------------------------------------------- */

static int shm_create(const void *context, const Object *directory, const char *name, mode_t mode, Object *out)
{
	int folder_fd, fd, result = folder_check_name(&folder, name);
	struct stat st;

	if (result < 0)
		return result;
	folder_fd = folder_dev_shm();
	if (folder_fd < 0)
		return folder_fd;
	fd = openat(folder_fd, name, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);
	result = fd < 0 ? -errno : 0;
	if (fd >= 0) {
		/* fchmod(2) sets the mode without the daemon's umask. */
		if (fchmod(fd, mode) < 0 || ftruncate(fd, sysconf(_SC_PAGESIZE)) < 0 || fstat(fd, &st) < 0) {
			result = -errno;
			unlinkat(folder_fd, name, 0);
		}
		close(fd);
	}
	close(folder_fd);
	if (result == 0)
		folder_object(name, &st, out);
	return result;
}

static const DirOps shm_members = {
	.context = &folder,
	.list = folder_list,
	.lookup = folder_lookup,
	.create = shm_create,
	.remove = folder_remove,
	.rename = folder_rename,
	.stat = folder_stat,
	.set = folder_set,
	.permit = folder_permit,
};

/* -- Attributes ----------------------------------------------------------------------------------------------------- */

typedef struct Snapshot {
	char name[NAME_MAX + 1];
	mode_t mode;
	int64_t allocated;
	struct stat stat;
} Snapshot;

static int snapshot_load(const Object *object, void *out)
{
	Snapshot *snapshot = out;
	int result = folder_stat_file(&folder, object, &snapshot->stat);

	if (result < 0)
		return result;
	g_strlcpy(snapshot->name, object->name, sizeof snapshot->name);
	snapshot->mode = snapshot->stat.st_mode & 07777;
	snapshot->allocated = (int64_t)snapshot->stat.st_blocks * 512;
	return 0;
}

static void print_name(const void *value, GString *out)
{
	g_string_append_printf(out, "/%s\n", (const char *)value);
}

static int size_store(const Object *object, const char *text)
{
	int64_t size;

	if (!parse_size(text, 0, INT64_MAX, &size))
		return refuse(EINVAL, "size is a number of bytes, such as 65536 or 64K");
	return resize(object, -1, size);
}

static const Attribute attributes[] = {
	{"name", NULL, print_name, offsetof(Snapshot, name)},
	{"uid", NULL, attribute_print_id, offsetof(Snapshot, stat.st_uid)},
	{"gid", NULL, attribute_print_id, offsetof(Snapshot, stat.st_gid)},
	{"mode", NULL, attribute_print_mode, offsetof(Snapshot, mode)},
	{"size", "bytes", attribute_print_int64, offsetof(Snapshot, stat.st_size), .store = size_store},
	{"allocated", "bytes", attribute_print_int64, offsetof(Snapshot, allocated)},
	{"atime", "time", attribute_print_time, offsetof(Snapshot, stat.st_atim.tv_sec)},
	{"mtime", "time", attribute_print_time, offsetof(Snapshot, stat.st_mtim.tv_sec)},
	{"ctime", "time", attribute_print_time, offsetof(Snapshot, stat.st_ctim.tv_sec)},
	{0},
};

static const AttributeSet set = {.attributes = attributes, .size = sizeof(Snapshot), .load = snapshot_load};

/* The owner and root see all processes; other callers see their own, as in /proc. */
static int attached_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	struct stat st;
	int result = folder_stat_file(&folder, object, &st);

	if (result < 0)
		return result;
	const Mapped mapped = {.device = st.st_dev, .inode = st.st_ino, .passed_inode = host_inode(&data, object)};

	mappers_print(&mapped, caller->uid == 0 || caller->uid == st.st_uid, caller->uid, out);
	return 0;
}

static const TextOps attached = {.show = attached_show, .slow = true};

static const FileDesc files[] = {
	STATUS(&set),
	SLOW_ATTRIBUTE("size", 0666, &set),
	ATTRIBUTE("allocated", 0444, &set),
	ATTRIBUTE("atime", 0444, &set),
	ATTRIBUTE("mtime", 0444, &set),
	ATTRIBUTE("ctime", 0444, &set),
	{.name = "attached", .kind = TEXT, .mode = 0444, .text = &attached},
	{0},
};

/* Unnamed POSIX semaphores in the object's memory. */
static const PosixSem unnamed = POSIX_SEM_UNNAMED(backing);
static const FileDesc unnamed_files[] = {POSIX_SEM_FILES(unnamed)};
static const FileDesc unnamed_sem = {.kind = DIRECTORY, .files = unnamed_files};
static const FileDesc sem = {.name = "sem", .kind = DIRECTORY, .members = &posix_sem_unnamed, .member = &unnamed_sem};

static const FileDesc *const mechanisms[] = {&data, &sem, NULL};

static const FileDesc object_desc = {.kind = DIRECTORY, .files = files, .mechanisms = mechanisms};

const FileDesc posix_shm_desc = {
	.name = "shm",
	.kind = DIRECTORY,
	.mode = 01777,
	.members = &shm_members,
	.member = &object_desc,
};
