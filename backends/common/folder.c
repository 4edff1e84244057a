/*
 * Objects that are files of a folder (folder.h). The POSIX mechanisms call these functions. There is no state and no lock.
 */
#include "backends/common/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backends/common/registry.h"
#include "backends/core/refusal.h"

int folder_dev_shm(void)
{
	int fd = open("/dev/shm", O_DIRECTORY | O_PATH | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static size_t name_longest(const Folder *folder)
{
	return NAME_MAX - strlen(folder->prefix);
}

static bool is_foreign(const Folder *folder, const char *name)
{
	return folder->foreign && g_str_has_prefix(name, folder->foreign);
}

void folder_file(const Folder *folder, const char *name, FolderFile out)
{
	g_strlcpy(out, folder->prefix, sizeof(FolderFile));
	g_strlcat(out, name, sizeof(FolderFile));
}

int folder_check_name(const Folder *folder, const char *name)
{
	if (strlen(name) > name_longest(folder))
		return refuse(ENAMETOOLONG, "name is too long: at most %zu bytes", name_longest(folder));
	if (is_foreign(folder, name))
		return refuse(EINVAL, "%s", folder->refusal);
	return 0;
}

void folder_object(const char *name, const struct stat *stat, Object *out)
{
	*out = (Object){.id = (int64_t)stat->st_ino};
	g_strlcpy(out->name, name, sizeof out->name);
}

/* The attributes of the file that the name means now. -ENOENT if the name means no object of the folder. */
static int stat_name(const Folder *folder, const char *name, struct stat *out)
{
	FolderFile file;
	int fd, result;

	if (strlen(name) > name_longest(folder))
		return -ENAMETOOLONG;
	if (is_foreign(folder, name))
		return -ENOENT;
	fd = folder->open();
	if (fd < 0)
		return fd;
	folder_file(folder, name, file);
	result = fstatat(fd, file, out, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
	close(fd);
	return result == 0 && !S_ISREG(out->st_mode) ? -ENOENT : result;
}

int folder_stat_file(const Folder *folder, const Object *object, struct stat *out)
{
	int result = stat_name(folder, object->name, out);

	return result == 0 && (int64_t)out->st_ino != object->id ? -ENOENT : result;
}

int folder_open(const Folder *folder, const Object *object, int flags)
{
	FolderFile file;
	struct stat stat;
	int folder_fd, fd, result = folder_stat_file(folder, object, &stat);

	if (result < 0)
		return result;
	folder_fd = folder->open();
	if (folder_fd < 0)
		return folder_fd;
	folder_file(folder, object->name, file);
	fd = openat(folder_fd, file, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	result = fd < 0 ? -errno : 0;
	close(folder_fd);
	if (result < 0)
		return result;
	if (fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) && (int64_t)stat.st_ino == object->id)
		return fd;
	close(fd);
	return -ENOENT;
}

/* -- DirOps -------------------------------------------------------------------------------------------------------- */

static void fill_stat(const struct stat *stat, ObjectStat *out)
{
	*out = (ObjectStat){
		.uid = stat->st_uid,
		.gid = stat->st_gid,
		.mode = stat->st_mode & 0666,
		.size = stat->st_size,
		.atime = stat->st_atime,
		.mtime = stat->st_mtime,
		.ctime = stat->st_ctime,
	};
}

/* Passes a file of the folder on to `seen` if it is an object. */
static void show_file(const Folder *folder, int folder_fd, const char *file, MemberSeen seen, void *data)
{
	const char *name = file + strlen(folder->prefix);
	Object object;
	ObjectStat attributes;
	struct stat stat;

	if (!g_str_has_prefix(file, folder->prefix) || !*name || is_foreign(folder, name) ||
	    fstatat(folder_fd, file, &stat, AT_SYMLINK_NOFOLLOW) || !S_ISREG(stat.st_mode))
		return;
	folder_object(name, &stat, &object);
	fill_stat(&stat, &attributes);
	seen(data, &object, &attributes);
}

int folder_list(const void *context, const Object *directory, MemberSeen seen, void *data)
{
	const Folder *folder = context;
	const struct dirent *entry;
	int folder_fd = folder->open(), fd;
	DIR *listing;

	if (folder_fd < 0)
		return folder_fd == -ENOENT ? 0 : folder_fd;
	fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	listing = fd < 0 ? NULL : fdopendir(fd);
	if (!listing) {
		int result = -errno;

		if (fd >= 0)
			close(fd);
		close(folder_fd);
		return result;
	}
	while ((entry = readdir(listing)))
		show_file(folder, folder_fd, entry->d_name, seen, data);
	closedir(listing);
	close(folder_fd);
	return 0;
}

int folder_lookup(const void *context, const Object *directory, const char *name, Object *out)
{
	const Folder *folder = context;
	struct stat stat;
	int result = stat_name(folder, name, &stat);

	if (result == 0)
		folder_object(name, &stat, out);
	return result;
}

int folder_remove(const void *context, const Object *object)
{
	const Folder *folder = context;
	FolderFile file;
	struct stat stat;
	int folder_fd, result = folder_stat_file(folder, object, &stat);

	if (result < 0)
		return result;
	folder_fd = folder->open();
	if (folder_fd < 0)
		return folder_fd;
	folder_file(folder, object->name, file);
	result = unlinkat(folder_fd, file, 0) < 0 ? -errno : 0;
	close(folder_fd);
	if (result == -EPERM || result == -EACCES)
		return refuse(-result, "only the owner of the object or root can remove it");
	return result;
}

int folder_rename(const void *context, const Object *object, const char *name)
{
	const Folder *folder = context;
	FolderFile from, to;
	struct stat stat;
	int folder_fd, result = folder_check_name(folder, name);

	if (result == 0)
		result = folder_stat_file(folder, object, &stat);
	if (result < 0)
		return result;
	folder_fd = folder->open();
	if (folder_fd < 0)
		return folder_fd;
	folder_file(folder, object->name, from);
	folder_file(folder, name, to);
	result = renameat2(folder_fd, from, folder_fd, to, RENAME_NOREPLACE) < 0 ? -errno : 0;
	close(folder_fd);
	return result;
}

int folder_stat(const void *context, const Object *object, ObjectStat *out)
{
	const Folder *folder = context;
	struct stat stat;
	int result = folder_stat_file(folder, object, &stat);

	if (result == 0)
		fill_stat(&stat, out);
	return result;
}

int folder_set(const void *context, const Object *object, const ObjectChange *change)
{
	const Folder *folder = context;
	int fd = folder_open(folder, object, O_PATH), result = 0;
	char path[64];

	if (fd < 0)
		return fd;
	/* O_PATH needs no right to the file, which the mode may deny to its owner. fchmod(2) fails on such a descriptor. */
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

int folder_permit(const void *context, const Object *object, const Caller *caller, int rights)
{
	const Folder *folder = context;
	struct stat stat;
	int result = folder_stat_file(folder, object, &stat);

	return result < 0 ? result : registry_check_mode(stat.st_uid, stat.st_gid, stat.st_mode, caller, rights);
}
