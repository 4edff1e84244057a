/*
 * Where POSIX queues are: in a file system of the kernel's, one for each IPC namespace, whose root has them all
 * (mq_overview(7)). It is there without being mounted anywhere. A daemon that is root mounts it for itself, where nobody
 * else sees it; another one looks whether it is mounted on /dev/mqueue, as usual, and is that of the same namespace. Without
 * it queues are found by name, and cannot be listed.
 *
 * A queue is known by its name and its inode number, so that one made anew under the name is another queue.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "backends/identity.h"
#include "backends/own.h"
#include "backends/posix_mq.h"
#include "backends/why.h"

enum { MQUEUE_MAGIC = 0x19800202 };

/* mq_open(3) without the slash that it wants in front. */
static int open_by_name(const char *name, int flags)
{
	int mqd = (int)syscall(SYS_mq_open, name, flags | O_NONBLOCK | O_CLOEXEC, 0600, NULL);

	return mqd < 0 ? -errno : mqd;
}

/* -- The directory -------------------------------------------------------------------------------------------------- */

static int mount_unseen(void)
{
	int fs = fsopen("mqueue", FSOPEN_CLOEXEC), mount = -1;

	if (fs < 0)
		return -1;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		mount = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	close(fs);
	return mount;
}

/* The device of the queues of our namespace, which any queue of it tells: here one that is made for this. 0: not known. */
static dev_t own_device(void)
{
	static dev_t known;
	const struct mq_attr smallest = {.mq_maxmsg = 1, .mq_msgsize = 1};
	struct stat stat;
	char name[32];
	int mqd;

	if (known)
		return known;
	snprintf(name, sizeof name, "ipcfs-%08x%08x", g_random_int(), g_random_int());
	mqd = (int)syscall(SYS_mq_open, name, O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC, 0600, &smallest);
	if (mqd < 0)
		return 0;
	syscall(SYS_mq_unlink, name);
	if (fstat(mqd, &stat) == 0)
		known = stat.st_dev;
	close(mqd);
	return known;
}

static int mounted_for_all(void)
{
	int fd = open("/dev/mqueue", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;
	struct stat stat;

	if (fd < 0)
		return -1;
	if (fstatfs(fd, &fs) == 0 && fs.f_type == MQUEUE_MAGIC && fstat(fd, &stat) == 0 && stat.st_dev == own_device())
		return fd;
	close(fd);
	return -1;
}

int posix_mq_directory(void)
{
	static gint directory = -1;
	int fd = g_atomic_int_get(&directory);

	if (fd >= 0)
		return fd;
	identity_suspend();
	fd = mount_unseen();
	if (fd < 0)
		fd = mounted_for_all();
	identity_resume();
	if (fd < 0)
		return -1;
	if (!g_atomic_int_compare_and_exchange(&directory, -1, fd))
		close(fd); /* another thread was first */
	return g_atomic_int_get(&directory);
}

/* -- One queue ------------------------------------------------------------------------------------------------------ */

static int open_name(const char *name, int access)
{
	int directory = posix_mq_directory(), mqd;

	if (directory < 0) {
		mqd = open_by_name(name, access);
	} else {
		/* Which is the same without waiting for whoever makes or removes a queue at this moment. */
		mqd = openat(directory, name, access | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
		mqd = mqd < 0 ? -errno : mqd;
	}
	if (mqd == -EMFILE || mqd == -ENFILE)
		return why_refuse(ENFILE, "the daemon has no descriptor left");
	return mqd;
}

/* A descriptor that stands for the queue; where there is no directory, only if it can be read or written. */
static int open_any(const char *name)
{
	int directory = posix_mq_directory(), fd;

	if (directory >= 0) {
		fd = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	fd = open_by_name(name, O_RDONLY);
	return fd == -EACCES ? open_by_name(name, O_WRONLY) : fd;
}

static int stat_name(const char *name, struct stat *out)
{
	int directory = posix_mq_directory(), fd, result;

	if (strlen(name) > NAME_MAX)
		return -ENAMETOOLONG;
	if (directory >= 0)
		return fstatat(directory, name, out, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
	fd = open_any(name);
	if (fd < 0)
		return fd;
	result = fstat(fd, out) < 0 ? -errno : 0;
	close(fd);
	return result;
}

/* `fd` if it is of the object's queue; else it is closed. */
static int if_same(int fd, const Object *object)
{
	struct stat stat;

	if (fd < 0 || (fstat(fd, &stat) == 0 && (int64_t)stat.st_ino == posix_mq_inode(object)))
		return fd;
	close(fd);
	return -ENOENT;
}

int posix_mq_find(const char *name, Object *out)
{
	struct stat stat;
	int result = stat_name(name, &stat);

	if (result < 0)
		return result;
	*out = (Object){.id = (int64_t)stat.st_ino};
	g_strlcpy(out->name, name, sizeof out->name);
	return 0;
}

int posix_mq_stat(const Object *object, struct stat *out)
{
	int result = stat_name(object->name, out);

	return result == 0 && (int64_t)out->st_ino != posix_mq_inode(object) ? -ENOENT : result;
}

int posix_mq_open(const Object *object, int access)
{
	return if_same(open_name(object->name, access), object);
}

int posix_mq_report(int mqd, PosixMqReport *out)
{
	char text[128];
	unsigned long long qsize;
	int notify, signo, pid;
	ssize_t n = pread(mqd, text, sizeof text - 1, 0);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (sscanf(text, "QSIZE:%llu NOTIFY:%d SIGNO:%d NOTIFY_PID:%d", &qsize, &notify, &signo, &pid) != 4)
		return -EIO;
	*out = (PosixMqReport){
		.qsize = qsize,
		.registered = notify || signo || pid,
		.notify = notify,
		.signo = signo,
		.pid = pid,
	};
	return 0;
}

/* -- Members -------------------------------------------------------------------------------------------------------- */

/* All times are those of the last message: what else the kernel notes, it notes at each look at the bytes queued as well. */
static void fill_stat(const struct stat *stat, uint64_t qsize, ObjectStat *out)
{
	*out = (ObjectStat){
		.uid = stat->st_uid,
		.gid = stat->st_gid,
		.mode = stat->st_mode & 0666,
		.size = (off_t)qsize,
		.atime = stat->st_mtime,
		.mtime = stat->st_mtime,
		.ctime = stat->st_mtime,
	};
}

/* The bytes queued; 0 where the daemon may not read the queue. */
static uint64_t qsize_of_name(const char *name)
{
	int mqd = open_name(name, O_RDONLY);
	PosixMqReport report = {0};

	if (mqd >= 0) {
		posix_mq_report(mqd, &report);
		close(mqd);
	}
	return report.qsize;
}

static int mq_list(const Object *at, MemberSeen seen, void *data)
{
	int directory = posix_mq_directory(), fd;
	const struct dirent *entry;
	DIR *folder;

	(void)at;
	if (directory < 0)
		return why_refuse(EPERM, "queues are found by name only: to list them the daemon has to be root, or "
					 "the mqueue file system mounted on /dev/mqueue");
	fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	folder = fd < 0 ? NULL : fdopendir(fd);
	if (!folder)
		return -errno;
	while ((entry = readdir(folder))) {
		Object object = {0};
		ObjectStat attributes;
		struct stat stat;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    stat_name(entry->d_name, &stat) < 0)
			continue;
		object.id = (int64_t)stat.st_ino;
		g_strlcpy(object.name, entry->d_name, sizeof object.name);
		fill_stat(&stat, qsize_of_name(entry->d_name), &attributes);
		seen(data, &object, &attributes);
	}
	closedir(folder);
	return 0;
}

static int mq_lookup(const Object *at, const char *name, Object *out)
{
	(void)at;
	return posix_mq_find(name, out);
}

/* A queue without a name is there as long as somebody has it open. */
static int mq_stat(const Object *object, ObjectStat *out)
{
	PosixMqReport report = {0};
	struct stat stat;
	int result = posix_mq_stat(object, &stat);

	if (result == 0)
		report.qsize = qsize_of_name(object->name);
	else if (result == -ENOENT)
		result = posix_mq_stat_open(posix_mq_inode(object), &stat, &report);
	if (result == 0)
		fill_stat(&stat, report.qsize, out);
	return result;
}

static int mq_permit(const Object *object, const Caller *caller, int rights)
{
	struct stat stat;
	int result = posix_mq_stat(object, &stat);

	return result < 0 ? result : own_mode_check(stat.st_uid, stat.st_gid, stat.st_mode, caller, rights);
}

/* The verdict is the kernel's for whom the thread plays: the queue itself is found as the daemon. */
static int mq_set(const Object *object, const ObjectChange *change)
{
	char path[64];
	int fd, result = 0;

	identity_suspend();
	fd = if_same(open_any(object->name), object);
	identity_resume();
	if (fd < 0)
		return fd;
	/* What fchmod(2) does not do to such a descriptor. */
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (change->set_mode && chmod(path, change->mode))
		result = -errno;
	if (result == 0 && (change->set_uid || change->set_gid) &&
	    fchownat(fd, "", change->set_uid ? change->uid : (uid_t)-1, change->set_gid ? change->gid : (gid_t)-1,
		     AT_EMPTY_PATH))
		result = -errno;
	close(fd);
	return result;
}

/* Who has it open keeps it: readers get the rest and then the end of file, writers EIDRM. */
static int mq_remove(const Object *object)
{
	struct stat stat;
	int result;

	identity_suspend();
	result = posix_mq_stat(object, &stat);
	identity_resume();
	if (result < 0)
		return result;
	if (syscall(SYS_mq_unlink, object->name))
		return errno == EPERM || errno == EACCES ? why_refuse(errno, "only its owner or root may remove it") :
							   -errno;
	posix_mq_wake((int64_t)stat.st_ino);
	return 0;
}

const Members posix_mq_members = {
	.list = mq_list,
	.lookup = mq_lookup,
	.create = posix_mq_create,
	.remove = mq_remove,
	.stat = mq_stat,
	.set = mq_set,
	.permit = mq_permit,
	.slow_create = true,
};
