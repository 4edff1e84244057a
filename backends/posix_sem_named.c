/*
 * posix/sem: POSIX named semaphores. glibc keeps `/NAME` in the file /dev/shm/sem.NAME, which has a sem_t and nothing else
 * (sem_overview(7)).
 *
 * /dev/shm is everybody's: what stands under a name may be a link, a device, or another file a moment later. So a file is
 * opened without following links, only if it is a regular one, and used only if it is the one that was looked up (its inode
 * number is Object.id).
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backends/identity.h"
#include "backends/own.h"
#include "backends/posix_sem.h"
#include "backends/shared_sem.h"
#include "backends/why.h"

#define FOLDER "/dev/shm"
#define PREFIX "sem."

enum { NAME_LONGEST = NAME_MAX - 4 /* the prefix */ };

typedef char Path[sizeof(FOLDER "/" PREFIX) + NAME_MAX];

static void path_of(const char *name, Path out)
{
	snprintf(out, sizeof(Path), FOLDER "/" PREFIX "%s", name);
}

static int stat_name(const char *name, struct stat *out)
{
	Path path;

	if (strlen(name) > NAME_LONGEST)
		return -ENAMETOOLONG;
	path_of(name, path);
	if (fstatat(AT_FDCWD, path, out, AT_SYMLINK_NOFOLLOW))
		return -errno;
	return S_ISREG(out->st_mode) ? 0 : -ENOENT;
}

static int stat_object(const Object *object, struct stat *out)
{
	int result = stat_name(object->name, out);

	return result == 0 && (int64_t)out->st_ino != object->id ? -ENOENT : result;
}

/* The object's file, if that is still what its name stands for. */
static int open_object(const Object *object, int flags)
{
	struct stat stat;
	Path path;
	int fd, result = stat_object(object, &stat);

	if (result < 0)
		return result;
	path_of(object->name, path);
	fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) && (int64_t)stat.st_ino == object->id)
		return fd;
	close(fd);
	return -ENOENT;
}

/* -- Members -------------------------------------------------------------------------------------------------------- */

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

static int named_list(const Object *at, MemberSeen seen, void *data)
{
	DIR *folder = opendir(FOLDER);
	const struct dirent *entry;

	(void)at;
	if (!folder)
		return -errno;
	while ((entry = readdir(folder))) {
		const char *name = entry->d_name + strlen(PREFIX);
		Object object = {0};
		ObjectStat attributes;
		struct stat stat;

		if (!g_str_has_prefix(entry->d_name, PREFIX) || !*name || stat_name(name, &stat) < 0)
			continue;
		object.id = (int64_t)stat.st_ino;
		g_strlcpy(object.name, name, sizeof object.name);
		fill_stat(&stat, &attributes);
		seen(data, &object, &attributes);
	}
	closedir(folder);
	return 0;
}

static int named_lookup(const Object *at, const char *name, Object *out)
{
	struct stat stat;
	int result = stat_name(name, &stat);

	(void)at;
	if (result < 0)
		return result;
	*out = (Object){.id = (int64_t)stat.st_ino};
	g_strlcpy(out->name, name, sizeof out->name);
	return 0;
}

/* Gives a file without a name this one, unless there is one. As the daemon, since /proc/self is the daemon's. */
static int link_file(int fd, const char *path)
{
	char self[64];
	int result;

	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	identity_suspend();
	result = linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) ? -errno : 0;
	identity_resume();
	return result;
}

/* The file gets its name when it is whole: a sem_open(3) at the same moment finds a semaphore, or none. */
static int named_create(const Object *at, const char *name, mode_t mode, Object *out)
{
	char bytes[SHARED_SEM_SIZE];
	struct stat stat;
	Path path;
	int fd, result = 0;

	(void)at;
	if (strlen(name) > NAME_LONGEST)
		return why_refuse(ENAMETOOLONG, "a name has at most %d bytes", NAME_LONGEST);
	path_of(name, path);
	fd = open(FOLDER, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == EACCES ? why_refuse(EACCES, "you may not make files in " FOLDER) : -errno;
	shared_sem_encode(0, bytes);
	if (write(fd, bytes, sizeof bytes) != sizeof bytes)
		result = -ENOSPC;
	else if (fchmod(fd, mode) || fstat(fd, &stat))
		result = -errno;
	else
		result = link_file(fd, path);
	close(fd);
	if (result < 0)
		return result;
	*out = (Object){.id = (int64_t)stat.st_ino};
	g_strlcpy(out->name, name, sizeof out->name);
	return 0;
}

static int named_remove(const Object *object)
{
	struct stat stat;
	Path path;
	int result = stat_object(object, &stat);

	if (result < 0)
		return result;
	path_of(object->name, path);
	if (unlink(path) == 0)
		return 0;
	return errno == EPERM || errno == EACCES ? why_refuse(errno, "only its owner or root may remove it") : -errno;
}

static int named_rename(const Object *object, const char *name)
{
	struct stat stat;
	Path from, to;
	int result = stat_object(object, &stat);

	if (result < 0)
		return result;
	if (strlen(name) > NAME_LONGEST)
		return why_refuse(ENAMETOOLONG, "a name has at most %d bytes", NAME_LONGEST);
	path_of(object->name, from);
	path_of(name, to);
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) ? -errno : 0;
}

static int named_stat(const Object *object, ObjectStat *out)
{
	struct stat stat;
	int result = stat_object(object, &stat);

	if (result == 0)
		fill_stat(&stat, out);
	return result;
}

/* The verdict on an open file is the kernel's for whom the thread plays: the file itself is opened as the daemon. */
static int named_set(const Object *object, const ObjectChange *change)
{
	int fd, result = 0;

	identity_suspend();
	fd = open_object(object, O_RDONLY);
	identity_resume();
	if (fd < 0)
		return fd;
	if (change->set_mode && fchmod(fd, change->mode))
		result = -errno;
	if (result == 0 && (change->set_uid || change->set_gid) &&
	    fchown(fd, change->set_uid ? change->uid : (uid_t)-1, change->set_gid ? change->gid : (gid_t)-1))
		result = -errno;
	close(fd);
	return result;
}

static int named_permit(const Object *object, const Caller *caller, int rights)
{
	struct stat stat;
	int result = stat_object(object, &stat);

	return result < 0 ? result : own_mode_check(stat.st_uid, stat.st_gid, stat.st_mode, caller, rights);
}

static const Members named_members = {
	.list = named_list,
	.lookup = named_lookup,
	.create = named_create,
	.remove = named_remove,
	.rename = named_rename,
	.stat = named_stat,
	.set = named_set,
	.permit = named_permit,
};

static const PosixSem named = {.semaphore = POSIX_SEM_OPERATIONS, .backing = open_object};

static const Row named_files[] = {POSIX_SEM_FILES(named)};

static const Row named_sem = {.kind = DIRECTORY, .rows = named_files};

const Row posix_sem_row = {
	.name = "sem",
	.kind = DIRECTORY,
	.mode = 01777,
	.members = &named_members,
	.member = &named_sem,
};
