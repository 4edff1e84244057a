/*
 * posix/shm: POSIX shared-memory objects, which are the regular files of /dev/shm (shm_overview(7)), but for those whose
 * name begins with `sem.`: they are semaphores.
 *
 * An object is known by its name and its inode number, so that one made anew under the name is another object. Whatever
 * acts on it opens its directory entry first and looks whether it is the same.
 */
#include "backends/posix_shm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backends/attached.h"
#include "backends/identity.h"
#include "backends/own.h"
#include "backends/parse.h"
#include "backends/shm_sem.h"
#include "backends/text.h"
#include "backends/why.h"

/* Where glibc keeps them. Opened anew each time: it may be mounted over. */
static int open_folder(int flags)
{
	int fd = open("/dev/shm", O_DIRECTORY | O_CLOEXEC | flags);

	return fd < 0 ? -errno : fd;
}

static bool is_semaphore(const char *name)
{
	return g_str_has_prefix(name, "sem.");
}

/* openat(2) of a name in the folder; never follows a link and never waits. */
static int open_name(const char *name, int flags, mode_t mode)
{
	int folder = open_folder(O_PATH), fd;

	if (folder < 0)
		return folder;
	fd = openat(folder, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode);
	fd = fd < 0 ? -errno : fd;
	close(folder);
	return fd;
}

/* What a name is now. -ENOENT if it is no shared-memory object. */
static int stat_name(const char *name, struct stat *out)
{
	int folder, result;

	if (is_semaphore(name))
		return -ENOENT;
	folder = open_folder(O_PATH);
	if (folder < 0)
		return folder;
	result = fstatat(folder, name, out, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
	close(folder);
	return result == 0 && !S_ISREG(out->st_mode) ? -ENOENT : result;
}

static int stat_object(const Object *object, struct stat *out)
{
	int result = stat_name(object->name, out);

	return result == 0 && (int64_t)out->st_ino != object->id ? -ENOENT : result;
}

/* The object, opened. */
static int open_object(const Object *object, int flags)
{
	struct stat st;
	int fd = stat_object(object, &st);

	if (fd == 0)
		fd = open_name(object->name, flags, 0);
	if (fd >= 0 && (fstat(fd, &st) < 0 || (int64_t)st.st_ino != object->id)) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

static void fill_stat(const struct stat *st, ObjectStat *out)
{
	*out = (ObjectStat){
		.uid = st->st_uid,
		.gid = st->st_gid,
		.mode = st->st_mode & 0666,
		.size = st->st_size,
		.atime = st->st_atim.tv_sec,
		.mtime = st->st_mtim.tv_sec,
		.ctime = st->st_ctim.tv_sec,
	};
}

static void fill_object(const char *name, const struct stat *st, Object *out)
{
	*out = (Object){.id = (int64_t)st->st_ino};
	g_strlcpy(out->name, name, sizeof out->name);
}

/* -- The memory ----------------------------------------------------------------------------------------------------- */

int posix_shm_backing(const Object *object, int flags)
{
	return open_object(object, flags & (O_ACCMODE | O_APPEND));
}

static int resize(const Object *object, int fd, off_t size)
{
	int own = -1, result;

	if (fd < 0) {
		own = open_object(object, O_RDWR);
		if (own < 0)
			return own;
		fd = own;
	}
	result = ftruncate(fd, size) < 0 ? -errno : 0;
	if (own >= 0)
		close(own);
	return result;
}

static const MemoryOps memory = {.backing = posix_shm_backing, .resize = resize};

static const Row data = {.name = "data", .kind = MEMORY, .mode = 0666, .memory = &memory};

/* -- The directory -------------------------------------------------------------------------------------------------- */

static int shm_list(const Object *at, MemberSeen seen, void *arg)
{
	int fd = open_folder(O_RDONLY);
	struct dirent *entry;
	DIR *folder;

	(void)at;
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	folder = fdopendir(fd);
	if (!folder) {
		close(fd);
		return -ENOMEM;
	}
	while ((entry = readdir(folder))) {
		ObjectStat stat;
		Object object;
		struct stat st;

		if (is_semaphore(entry->d_name) || fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		fill_object(entry->d_name, &st, &object);
		fill_stat(&st, &stat);
		seen(arg, &object, &stat);
	}
	closedir(folder);
	return 0;
}

static int shm_lookup(const Object *at, const char *name, Object *out)
{
	struct stat st;
	int result = stat_name(name, &st);

	(void)at;
	if (result == 0)
		fill_object(name, &st, out);
	return result;
}

static int refuse_semaphore(void)
{
	return why_refuse(EINVAL, "names that begin with sem. are those of semaphores: see posix/sem");
}

static int shm_create(const Object *at, const char *name, mode_t mode, Object *out)
{
	struct stat st;
	int fd, result;

	(void)at;
	if (is_semaphore(name))
		return refuse_semaphore();
	fd = open_name(name, O_CREAT | O_EXCL | O_RDWR, 0600);
	if (fd < 0)
		return fd;
	/* The mode as it was asked for, whatever the daemon's umask is. */
	result = fchmod(fd, mode) < 0 || ftruncate(fd, sysconf(_SC_PAGESIZE)) < 0 || fstat(fd, &st) < 0 ? -errno : 0;
	close(fd);
	if (result == 0) {
		fill_object(name, &st, out);
		return 0;
	}
	fd = open_folder(O_PATH);
	if (fd >= 0) {
		unlinkat(fd, name, 0);
		close(fd);
	}
	return result;
}

static int shm_remove(const Object *object)
{
	struct stat st;
	int result = stat_object(object, &st), folder;

	if (result < 0)
		return result;
	folder = open_folder(O_PATH);
	if (folder < 0)
		return folder;
	result = unlinkat(folder, object->name, 0) < 0 ? -errno : 0;
	close(folder);
	return result;
}

static int shm_rename(const Object *object, const char *name)
{
	struct stat st;
	int result = stat_object(object, &st), folder;

	if (is_semaphore(name))
		return refuse_semaphore();
	if (result < 0)
		return result;
	folder = open_folder(O_PATH);
	if (folder < 0)
		return folder;
	result = renameat2(folder, object->name, folder, name, RENAME_NOREPLACE) < 0 ? -errno : 0;
	close(folder);
	return result;
}

static int shm_stat(const Object *object, ObjectStat *out)
{
	struct stat st;
	int result = stat_object(object, &st);

	if (result == 0)
		fill_stat(&st, out);
	return result;
}

static int shm_set(const Object *object, const ObjectChange *change)
{
	int fd = open_object(object, O_PATH), result = 0;
	char path[64];

	if (fd < 0)
		return fd;
	/* O_PATH asks for no right to the object, which its owner may not have; chmod(2) takes no such descriptor. */
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if ((change->set_uid || change->set_gid) &&
	    fchownat(fd, "", change->set_uid ? change->uid : (uid_t)-1, change->set_gid ? change->gid : (gid_t)-1,
		     AT_EMPTY_PATH) < 0)
		result = -errno;
	if (result == 0 && change->set_mode && chmod(path, change->mode) < 0)
		result = -errno;
	close(fd);
	return result;
}

static int shm_permit(const Object *object, const Caller *caller, int rights)
{
	struct stat st;
	int result = stat_object(object, &st);

	return result < 0 ? result : own_mode_check(st.st_uid, st.st_gid, st.st_mode, caller, rights);
}

static const Members shm_members = {
	.list = shm_list,
	.lookup = shm_lookup,
	.create = shm_create,
	.remove = shm_remove,
	.rename = shm_rename,
	.stat = shm_stat,
	.set = shm_set,
	.permit = shm_permit,
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

static int attribute_show(const Row *row, const Object *object, const Caller *caller, GString *out)
{
	struct stat st;
	int result = stat_object(object, &st);

	(void)caller;
	if (result == 0)
		print_attribute(row->which, &st, out);
	return result;
}

static int status_show(const Row *row, const Object *object, const Caller *caller, GString *out)
{
	struct stat st;
	int result = stat_object(object, &st);

	(void)row, (void)caller;
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

static int size_store(const Row *row, const Object *object, const char *text)
{
	int64_t size;

	(void)row;
	if (!parse_size(text, 0, INT64_MAX, &size))
		return why_refuse(EINVAL, "size is a number of bytes, such as 65536 or 64K");
	return resize(object, -1, size);
}

/* The owner and root see everybody; others, as in /proc, their own processes. */
static int attached_show(const Row *row, const Object *object, const Caller *caller, GString *out)
{
	struct stat st;
	int result = stat_object(object, &st);

	(void)row;
	if (result < 0)
		return result;
	const Mapped mapped = {.device = st.st_dev, .inode = st.st_ino, .passed_inode = backend_inode(&data, object)};

	attached_print(&mapped, caller->uid == 0 || caller->uid == st.st_uid, caller->uid, out);
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

static const Row files[] = {
	{.name = "status", .kind = TEXT, .mode = 0444, .text = &status},
	{.name = "size", .kind = TEXT, .mode = 0666, .text = &size, .which = SIZE},
	ATTRIBUTE("allocated", ALLOCATED),
	ATTRIBUTE("atime", ATIME),
	ATTRIBUTE("mtime", MTIME),
	ATTRIBUTE("ctime", CTIME),
	{.name = "attached", .kind = TEXT, .mode = 0444, .text = &attached},
	{0},
};

static const Row *const mechanisms[] = {&data, &posix_shm_sem_row, NULL};

static const Row object_row = {.kind = DIRECTORY, .rows = files, .mechanisms = mechanisms};

const Row posix_shm_row = {
	.name = "shm",
	.kind = DIRECTORY,
	.mode = 01777,
	.members = &shm_members,
	.member = &object_row,
};
