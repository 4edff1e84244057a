/*
 * posix/shm: POSIX shared-memory objects, which are the regular files of /dev/shm (shm_overview(7)), but for those whose
 * name begins with `sem.`: they are semaphores.
 */
#include "backends/posix/shm.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "backends/core/host.h"
#include "backends/common/mappers.h"
#include "backends/common/folder.h"
#include "backends/core/parse.h"
#include "backends/posix/sem.h"
#include "backends/core/text.h"
#include "backends/core/refusal.h"

static const Folder folder = {
	.open = folder_dev_shm,
	.prefix = "",
	.foreign = "sem.",
	.refusal = "names that begin with sem. are those of semaphores: see posix/sem",
};

/* -- The memory ----------------------------------------------------------------------------------------------------- */

static int backing(const Object *object, int flags)
{
	return folder_open(&folder, object, flags & (O_ACCMODE | O_APPEND));
}

static int resize(const Object *object, int fd, off_t size)
{
	int entry = -1, result;

	if (fd < 0) {
		entry = folder_open(&folder, object, O_RDWR);
		if (entry < 0)
			return entry;
		fd = entry;
	}
	result = ftruncate(fd, size) < 0 ? -errno : 0;
	if (entry >= 0)
		close(entry);
	return result;
}

static const MemoryOps memory = {.backing = backing, .resize = resize};

static const FileDesc data = {.name = "data", .kind = MEMORY, .mode = 0666, .memory = &memory};

/* -- The directory -------------------------------------------------------------------------------------------------- */

static int shm_create(const void *context, const Object *at, const char *name, mode_t mode, Object *out)
{
	int place, fd, result = folder_check_name(&folder, name);
	struct stat st;

	if (result < 0)
		return result;
	place = folder_dev_shm();
	if (place < 0)
		return place;
	fd = openat(place, name, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);
	result = fd < 0 ? -errno : 0;
	if (fd >= 0) {
		/* The mode as it was asked for, whatever the daemon's umask is. */
		if (fchmod(fd, mode) < 0 || ftruncate(fd, sysconf(_SC_PAGESIZE)) < 0 || fstat(fd, &st) < 0) {
			result = -errno;
			unlinkat(place, name, 0);
		}
		close(fd);
	}
	close(place);
	if (result == 0)
		folder_object(name, &st, out);
	return result;
}

static int shm_rename(const void *context, const Object *object, const char *name)
{
	return folder_rename(&folder, object, name);
}

static const DirOps shm_members = {
	.context = &folder,
	.list = folder_list,
	.lookup = folder_lookup,
	.create = shm_create,
	.remove = folder_remove,
	.rename = shm_rename,
	.stat = folder_stat,
	.set = folder_set,
	.permit = folder_permit,
};

/* -- Attributes ----------------------------------------------------------------------------------------------------- */

enum { SIZE, ALLOCATED, ATIME, MTIME, CTIME, ATTRIBUTES };

static const char *const labels[ATTRIBUTES] = {
	[SIZE] = "Size", [ALLOCATED] = "Allocated", [ATIME] = "Atime", [MTIME] = "Mtime", [CTIME] = "Ctime",
};

static void print_attribute(int which, const struct stat *st, GString *out)
{
	switch (which) {
	case SIZE:
		text_number(out, st->st_size);
		break;
	case ALLOCATED:
		text_number(out, (long long)st->st_blocks * 512);
		break;
	case ATIME:
		text_time(out, st->st_atim.tv_sec);
		break;
	case MTIME:
		text_time(out, st->st_mtim.tv_sec);
		break;
	case CTIME:
		text_time(out, st->st_ctim.tv_sec);
		break;
	default:
		g_assert_not_reached();
	}
}

static int attribute_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	struct stat st;
	int result = folder_stat_file(&folder, object, &st);

	if (result == 0)
		print_attribute(desc->which, &st, out);
	return result;
}

static int status_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	struct stat st;
	int result = folder_stat_file(&folder, object, &st);

	if (result < 0)
		return result;
	g_string_append_printf(out, "Name:\t/%s\nUid:\t%u\nGid:\t%u\nMode:\t%04o\n", object->name, st.st_uid, st.st_gid,
			       st.st_mode & 07777);
	for (int which = 0; which < ATTRIBUTES; which++) {
		text_label(out, labels[which]);
		print_attribute(which, &st, out);
	}
	return 0;
}

static int size_store(const FileDesc *desc, const Object *object, const char *text)
{
	int64_t size;

	if (!parse_size(text, 0, INT64_MAX, &size))
		return refuse(EINVAL, "size is a number of bytes, such as 65536 or 64K");
	return resize(object, -1, size);
}

/* The owner and root see everybody; others, as in /proc, their own processes. */
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

static const TextOps attribute = {.show = attribute_show};
static const TextOps size = {.show = attribute_show, .store = size_store, .slow = true};
static const TextOps status = {.show = status_show};
static const TextOps attached = {.show = attached_show, .slow = true};

#define ATTRIBUTE(file, field)                                                               \
	{                                                                                    \
		.name = file, .kind = TEXT, .mode = 0444, .text = &attribute, .which = field \
	}

static const FileDesc files[] = {
	{.name = "status", .kind = TEXT, .mode = 0444, .text = &status},
	{.name = "size", .kind = TEXT, .mode = 0666, .text = &size, .which = SIZE},
	ATTRIBUTE("allocated", ALLOCATED),
	ATTRIBUTE("atime", ATIME),
	ATTRIBUTE("mtime", MTIME),
	ATTRIBUTE("ctime", CTIME),
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
