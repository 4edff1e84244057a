/*
 * Where POSIX queues are: in a file system of the kernel's, one for each IPC namespace, whose root has them all
 * (mq_overview(7)). It is there without being mounted anywhere. A daemon that is root mounts it for itself, where nobody
 * else sees it; another one looks whether it is mounted on /dev/mqueue, as usual, and is that of the same namespace. Without
 * it queues are found by name, and cannot be listed.
 *
 * A queue is known by its name and its inode number, so that one made anew under the name is another queue.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "backends/common/folder.h"
#include "backends/core/credentials.h"
#include "backends/common/registry.h"
#include "backends/posix/mq.h"
#include "backends/core/refusal.h"

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
	creds_raise();
	fd = mount_unseen();
	if (fd < 0)
		fd = mounted_for_all();
	creds_lower();
	if (fd < 0)
		return -1;
	if (!g_atomic_int_compare_and_exchange(&directory, -1, fd))
		close(fd); /* another thread was first */
	return g_atomic_int_get(&directory);
}

/* -- One queue ------------------------------------------------------------------------------------------------------ */

/* Folder.open */
static int open_directory(void)
{
	int directory = posix_mq_directory(), fd;

	if (directory < 0)
		return -ENOENT;
	fd = fcntl(directory, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

static const Folder folder = {.open = open_directory, .prefix = ""};

/* The object as it is now. */
static Object current(const Object *object)
{
	Object now = *object;

	now.id = posix_mq_inode(object);
	return now;
}

/* Where there is no directory: a descriptor of the queue, if it can be read or written. */
static int open_any(const char *name)
{
	int mqd = open_by_name(name, O_RDONLY);

	return mqd == -EACCES ? open_by_name(name, O_WRONLY) : mqd;
}

/* Where there is no directory. */
static int stat_by_name(const char *name, struct stat *out)
{
	int mqd = strlen(name) > NAME_MAX ? -ENAMETOOLONG : open_any(name), result;

	if (mqd < 0)
		return mqd;
	result = fstat(mqd, out) < 0 ? -errno : 0;
	close(mqd);
	return result;
}

/* fstat(2) of a queue that is being replaced; by its inode, or where that is 0 by its name. */
static int stat_replaced(const char *name, int64_t inode, struct stat *out)
{
	int mqd = posix_mq_replaced(name, inode), result;

	if (mqd < 0)
		return mqd;
	result = fstat(mqd, out) < 0 ? -errno : 0;
	close(mqd);
	return result;
}

/* What the kernel has under the name. */
static int find_there(const char *name, Object *out)
{
	struct stat stat;
	int result;

	if (posix_mq_directory() >= 0)
		return folder_lookup(&folder, NULL, name, out);
	result = stat_by_name(name, &stat);
	if (result == 0)
		folder_object(name, &stat, out);
	return result;
}

int posix_mq_find(const char *name, Object *out)
{
	int result = find_there(name, out);
	struct stat stat;

	if (result == -ENOENT && stat_replaced(name, 0, &stat) == 0) {
		folder_object(name, &stat, out);
		return 0;
	}
	/* Another one may have taken its place just before the last line, or since the first. */
	if (result == -ENOENT)
		result = find_there(name, out);
	if (result == 0 && posix_mq_has_moved(out->id)) {
		const int64_t before = out->id;

		result = find_there(name, out);
		if (result == 0 && out->id == before)
			posix_mq_lives(before);
	}
	return result;
}

/* What the kernel has for the object. */
static int stat_there(const Object *object, struct stat *out)
{
	const Object now = current(object);
	int result;

	if (posix_mq_directory() >= 0)
		return folder_stat_file(&folder, &now, out);
	result = stat_by_name(object->name, out);
	return result == 0 && (int64_t)out->st_ino != now.id ? -ENOENT : result;
}

int posix_mq_stat(const Object *object, struct stat *out)
{
	int result = stat_there(object, out);

	if (result == -ENOENT)
		result = stat_replaced(NULL, posix_mq_inode(object), out);
	/* As above. */
	return result == -ENOENT ? stat_there(object, out) : result;
}

static int open_there(const Object *object, int access)
{
	const Object now = current(object);
	struct stat stat;
	int mqd;

	/* Both are the same, but the first does not wait for whoever makes or removes a queue at this moment. */
	if (posix_mq_directory() >= 0)
		mqd = folder_open(&folder, &now, access);
	else
		mqd = open_by_name(object->name, access);
	if (mqd == -EMFILE || mqd == -ENFILE)
		return refuse(ENFILE, "the daemon has no descriptor left");
	if (mqd < 0 || (fstat(mqd, &stat) == 0 && (int64_t)stat.st_ino == now.id))
		return mqd;
	close(mqd);
	return -ENOENT;
}

static int open_replaced(int64_t inode, int access)
{
	int mqd = posix_mq_replaced(NULL, inode), opened;
	char path[64];

	if (mqd < 0)
		return mqd;
	/* Once more, with the rights that this thread has. */
	snprintf(path, sizeof path, "/proc/self/fd/%d", mqd);
	opened = open(path, access | O_NONBLOCK | O_CLOEXEC);
	opened = opened < 0 ? -errno : opened;
	close(mqd);
	return opened;
}

int posix_mq_open(const Object *object, int access)
{
	int mqd = open_there(object, access);

	if (mqd == -ENOENT)
		mqd = open_replaced(posix_mq_inode(object), access);
	/* As above. */
	return mqd == -ENOENT ? open_there(object, access) : mqd;
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

/* -- DirOps -------------------------------------------------------------------------------------------------------- */

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
static uint64_t qsize_of(const Object *object)
{
	int mqd = posix_mq_open(object, O_RDONLY);
	PosixMqReport report = {0};

	if (mqd >= 0) {
		posix_mq_report(mqd, &report);
		close(mqd);
	}
	return report.qsize;
}

/* A queue without a name is there as long as somebody has it open. */
static int mq_stat(const void *context, const Object *object, ObjectStat *out)
{
	PosixMqReport report = {0};
	struct stat stat;
	int result = posix_mq_stat(object, &stat);

	if (result == 0)
		report.qsize = qsize_of(object);
	else if (result == -ENOENT)
		result = posix_mq_stat_open(posix_mq_inode(object), &stat, &report);
	if (result == 0)
		fill_stat(&stat, report.qsize, out);
	return result;
}

typedef struct Listing {
	MemberSeen seen;
	void *data;
} Listing;

/* The folder knows the file's size and times, which are not the queue's. */
static void see(void *data, const Object *object, const ObjectStat *unused)
{
	const Listing *listing = data;
	Object now = *object;
	ObjectStat stat;

	if (posix_mq_has_moved(now.id) && posix_mq_find(object->name, &now) < 0)
		return;
	if (mq_stat(NULL, &now, &stat) == 0)
		listing->seen(listing->data, &now, &stat);
}

static int mq_list(const void *context, const Object *at, MemberSeen seen, void *data)
{
	Listing listing = {.seen = seen, .data = data};

	if (posix_mq_directory() < 0)
		return refuse(EPERM, "queues are found by name only: to list them the daemon has to be root, or "
				     "the mqueue file system mounted on /dev/mqueue");
	return folder_list(&folder, NULL, see, &listing);
}

static int mq_lookup(const void *context, const Object *at, const char *name, Object *out)
{
	return posix_mq_find(name, out);
}

static int mq_create(const void *context, const Object *at, const char *name, mode_t mode, Object *out)
{
	int result = folder_check_name(&folder, name);

	return result < 0 ? result : posix_mq_create(name, mode, out);
}

static int mq_permit(const void *context, const Object *object, const Caller *caller, int rights)
{
	struct stat stat;
	int result = posix_mq_stat(object, &stat);

	return result < 0 ? result : registry_check_mode(stat.st_uid, stat.st_gid, stat.st_mode, caller, rights);
}

/* A queue that is being replaced can be looked at, but not changed: between two there is none. */
static int refuse_replaced(const Object *object, int result)
{
	int mqd = result == -ENOENT ? posix_mq_replaced(NULL, posix_mq_inode(object)) : -ENOENT;

	if (mqd < 0)
		return result;
	close(mqd);
	return refuse(EBUSY, "it is being given another size at this moment");
}

/* Where there is no directory, it takes a right to the queue to change it. */
static int set_by_name(const Object *object, const ObjectChange *change)
{
	int mqd = open_any(object->name), result = 0;
	struct stat stat;

	if (mqd < 0)
		return mqd;
	if (fstat(mqd, &stat) < 0 || (int64_t)stat.st_ino != object->id)
		result = -ENOENT;
	else if ((change->set_uid || change->set_gid) &&
		 fchown(mqd, change->set_uid ? change->uid : (uid_t)-1, change->set_gid ? change->gid : (gid_t)-1))
		result = -errno;
	else if (change->set_mode && fchmod(mqd, change->mode))
		result = -errno;
	close(mqd);
	return result;
}

static int mq_set(const void *context, const Object *object, const ObjectChange *change)
{
	const Object now = current(object);

	return refuse_replaced(object, posix_mq_directory() >= 0 ? folder_set(&folder, &now, change) :
								   set_by_name(&now, change));
}

/* Who has it open keeps it: readers get the rest and then the end of file, writers EIDRM. */
static int mq_remove(const void *context, const Object *object)
{
	const Object now = current(object);
	struct stat stat;
	int result = posix_mq_stat(&now, &stat);

	if (result == 0 && syscall(SYS_mq_unlink, now.name))
		result = -errno;
	if (result == -EPERM || result == -EACCES)
		return refuse(-result, "only its owner or root may remove it");
	if (result == 0)
		posix_mq_wake(now.id);
	return refuse_replaced(object, result);
}

const DirOps posix_mq_members = {
	.list = mq_list,
	.lookup = mq_lookup,
	.create = mq_create,
	.remove = mq_remove,
	.stat = mq_stat,
	.set = mq_set,
	.permit = mq_permit,
	.slow_create = true,
};
