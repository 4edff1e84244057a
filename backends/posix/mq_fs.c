/*
 * Queues in the kernel's mqueue file system (mq_overview(7)).
 *
 * Each IPC namespace has one such file system, and its root directory lists all queues. It exists without being mounted. A root
 * daemon mounts it for itself, invisible to other processes. A non-root daemon uses the mount on /dev/mqueue if that
 * belongs to the same namespace. Without a directory, queues are found by name and cannot be listed.
 *
 * A queue is identified by its name and its inode number: a queue that is created again under the name is another queue.
 *
 * While a queue is being replaced, its name does not exist for an instant. A function that does not find a queue therefore looks into the
 * table of queues that are being replaced, and tries again if posix_mq_generation() has changed.
 */
#include "backends/posix/mq_fs.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "backends/core/credentials.h"
#include "backends/core/refusal.h"
#include "backends/posix/mq_table.h"

enum { MQUEUE_MAGIC = 0x19800202, LEASES_MAX = 5 };

/* mq_open(3), which libc gives a leading slash. */
static int open_by_name(const char *name, int flags)
{
	int mqd = (int)syscall(SYS_mq_open, name, flags | O_NONBLOCK | O_CLOEXEC, 0600, NULL);

	return mqd < 0 ? -errno : mqd;
}

void posix_mq_random_name(PosixMqName out)
{
	snprintf(out, sizeof(PosixMqName), "ipcfs-%08x%08x", g_random_int(), g_random_int());
}

/* -- The directory -------------------------------------------------------------------------------------------------- */

/* Mounts the file system without attaching it to a directory. -1: the daemon may not. */
static int mount_detached(void)
{
	int fs = fsopen("mqueue", FSOPEN_CLOEXEC), mount = -1;

	if (fs < 0)
		return -1;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		mount = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	close(fs);
	return mount;
}

/* The device number of the namespace's queues, taken from a queue that is created for this. 0: not known. */
static dev_t own_device(void)
{
	static dev_t known;
	const struct mq_attr smallest = {.mq_maxmsg = 1, .mq_msgsize = 1};
	struct stat stat;
	PosixMqName name;
	int mqd;

	if (known)
		return known;
	posix_mq_random_name(name);
	mqd = (int)syscall(SYS_mq_open, name, O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC, 0600, &smallest);
	if (mqd < 0)
		return 0;
	syscall(SYS_mq_unlink, name);
	if (fstat(mqd, &stat) == 0)
		known = stat.st_dev;
	close(mqd);
	return known;
}

/* /dev/mqueue, if the file system of the daemon's namespace is mounted there; else -1. */
static int open_system_mount(void)
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
	fd = mount_detached();
	if (fd < 0)
		fd = open_system_mount();
	creds_lower();
	if (fd < 0)
		return -1;
	if (!g_atomic_int_compare_and_exchange(&directory, -1, fd))
		close(fd); /* another thread was first */
	return g_atomic_int_get(&directory);
}

/* Folder.open */
static int open_directory(void)
{
	int directory = posix_mq_directory(), fd;

	if (directory < 0)
		return -ENOENT;
	fd = fcntl(directory, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

const Folder posix_mq_folder = {.open = open_directory, .prefix = ""};

/* -- Look-up -------------------------------------------------------------------------------------------------------- */

Object posix_mq_current(const Object *object)
{
	Object current = *object;

	current.id = posix_mq_inode(object);
	return current;
}

int posix_mq_open_any(const char *name)
{
	int mqd = open_by_name(name, O_RDONLY);

	return mqd == -EACCES ? open_by_name(name, O_WRONLY) : mqd;
}

/* Closes the descriptor of a queue after fstat(2). A negative `mqd` is an error, which it returns. */
static int stat_and_close(int mqd, struct stat *out)
{
	int result;

	if (mqd < 0)
		return mqd;
	result = fstat(mqd, out) < 0 ? -errno : 0;
	close(mqd);
	return result;
}

/* For a daemon without the directory. */
static int stat_by_name(const char *name, struct stat *out)
{
	return stat_and_close(strlen(name) > NAME_MAX ? -ENAMETOOLONG : posix_mq_open_any(name), out);
}

/* The queue that the kernel has under the name. */
static int find_in_kernel(const char *name, Object *out)
{
	struct stat stat;
	int result;

	if (posix_mq_directory() >= 0)
		return folder_lookup(&posix_mq_folder, NULL, name, out);
	result = stat_by_name(name, &stat);
	if (result == 0)
		folder_object(name, &stat, out);
	return result;
}

int posix_mq_find(const char *name, Object *out)
{
	for (;;) {
		const unsigned generation = posix_mq_generation();
		int result = find_in_kernel(name, out);
		struct stat stat;
		int64_t inode;

		if (result == -ENOENT && stat_and_close(posix_mq_replaced(name, 0), &stat) == 0) {
			folder_object(name, &stat, out);
			return 0;
		}
		if (result == -ENOENT && generation != posix_mq_generation())
			continue;
		if (result < 0 || !posix_mq_is_renumbered(out->id))
			return result;
		/* The queue was replaced after the look-up, or the kernel has given its number to a new queue. */
		inode = out->id;
		if (find_in_kernel(name, out) == 0 && out->id == inode) {
			posix_mq_forget_renumbering(inode);
			return 0;
		}
	}
}

static int stat_in_kernel(const Object *object, struct stat *out)
{
	const Object current = posix_mq_current(object);
	int result;

	if (posix_mq_directory() >= 0)
		return folder_stat_file(&posix_mq_folder, &current, out);
	result = stat_by_name(object->name, out);
	return result == 0 && (int64_t)out->st_ino != current.id ? -ENOENT : result;
}

int posix_mq_stat(const Object *object, struct stat *out)
{
	unsigned generation;
	int result;

	do {
		generation = posix_mq_generation();
		result = stat_in_kernel(object, out);
		if (result == -ENOENT)
			result = stat_and_close(posix_mq_replaced(NULL, posix_mq_inode(object)), out);
	} while (result == -ENOENT && generation != posix_mq_generation());
	return result;
}

/* -- Opening -------------------------------------------------------------------------------------------------------- */

int posix_mq_open_named(const Object *object, int access)
{
	const Object current = posix_mq_current(object);
	struct stat stat;
	int mqd;

	/* openat(2) does not wait for a process that creates or removes a queue at this moment, mq_open(3) does. */
	if (posix_mq_directory() >= 0)
		mqd = folder_open(&posix_mq_folder, &current, access);
	else
		mqd = open_by_name(object->name, access);
	if (mqd == -EMFILE || mqd == -ENFILE)
		return refuse(ENFILE, "the daemon has no file descriptor left");
	if (mqd < 0 || (fstat(mqd, &stat) == 0 && (int64_t)stat.st_ino == current.id))
		return mqd;
	close(mqd);
	return -ENOENT;
}

/*
 * A descriptor of a queue that is being replaced, if this thread has the right to open it. It is a duplicate: another open file
 * would meet the lease, or stop the replacement.
 */
static int open_replaced(int64_t inode, int access)
{
	static const int modes[] = {[O_RDONLY] = R_OK, [O_WRONLY] = W_OK, [O_RDWR] = R_OK | W_OK};
	int mqd = posix_mq_replaced(NULL, inode), result;

	if (mqd < 0 || faccessat(mqd, "", modes[access], AT_EACCESS | AT_EMPTY_PATH) == 0)
		return mqd;
	result = -errno;
	close(mqd);
	return result;
}

int posix_mq_open(const Object *object, int access)
{
	for (int leases = 0;;) {
		const unsigned generation = posix_mq_generation();
		int mqd = posix_mq_open_named(object, access), replaced;

		if (mqd != -ENOENT && mqd != -EAGAIN)
			return mqd;
		replaced = open_replaced(posix_mq_inode(object), access);
		if (replaced != -ENOENT)
			return replaced;
		if (mqd == -ENOENT && generation == posix_mq_generation())
			return mqd;
		if (mqd == -EAGAIN && ++leases == LEASES_MAX)
			return refuse(EBUSY, "another process has a lease on the queue (F_SETLEASE): retry");
	}
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

bool posix_mq_removed(int mqd)
{
	struct stat stat;

	return fstat(mqd, &stat) == 0 && stat.st_nlink == 0;
}

/*
 * The kernel grants a write lease only to the single open file of an inode. The lease lasts for three system calls. An
 * open(2) or mq_open(3) meanwhile waits for its end, or fails with EAGAIN if it has O_NONBLOCK. mq_unlink(3) must not be called with
 * a lease held: a waiting mq_open(3) holds the lock of the directory that mq_unlink(3) needs.
 */
int posix_mq_check_unused(int mqd)
{
	struct mq_attr attr;
	int result = 0;

	/* An open during the lease signals its holder, by default with SIGIO, which ends a process. SIGURG is ignored. The end of a
	 * lease resets this. */
	if (fcntl(mqd, F_SETSIG, SIGURG) < 0 || fcntl(mqd, F_SETLEASE, F_WRLCK) < 0)
		return -errno;
	if (mq_getattr(mqd, &attr) < 0)
		result = -errno;
	else if (attr.mq_curmsgs > 0)
		result = -EAGAIN;
	fcntl(mqd, F_SETLEASE, F_UNLCK);
	return result;
}
