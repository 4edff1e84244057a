/*
 * The checks before a mount. main() calls mountpoint_prepare() at the start, on the only thread; there are no locks.
 *
 * A daemon that died without unmounting leaves a stale mount, on which every access fails with ENOTCONN. It is found with
 * descriptors opened with O_PATH, which send no request to a daemon.
 */
#include "mountd/mountpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "fs/mount_info.h"

G_GNUC_PRINTF(3, 4)
static bool fail(GError **error, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_propagate_error(error, g_error_new_valist(G_FILE_ERROR, g_file_error_from_errno(code), format, args));
	va_end(args);
	return false;
}

static bool check_device(GError **error)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd >= 0) {
		close(fd);
		return true;
	}
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		return fail(error, errno, "/dev/fuse does not exist: load the module with modprobe fuse");
	return fail(error, errno, "cannot open /dev/fuse: %s", g_strerror(errno));
}

/* Removes the stale mount from a path: with umount2(2) as root, else with fusermount3. */
static bool remove_stale(const char *path, GError **error)
{
	char *argv[] = {"fusermount3", "-u", "-z", (char *)path, NULL};
	int status = -1;

	g_message("removing the mount on %s, whose daemon has died", path);
	if (geteuid() == 0)
		return umount2(path, MNT_DETACH) == 0 ||
		       fail(error, errno, "cannot remove the stale mount on %s: %s", path, g_strerror(errno));
	if (!g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, error))
		return false;
	return g_spawn_check_wait_status(status, error);
}

/* Returns an O_PATH descriptor, or -1 with an error. The open sends no request to the daemon of a mount. */
static int open_directory(const char *path, GError **error)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		fail(error, ENOENT, "%s does not exist: make it with mkdir", path);
	else if (fd < 0)
		fail(error, errno, "%s: %s", path, g_strerror(errno));
	return fd;
}

/* The kernel may answer one of the two calls from its cache although the daemon of the mount has died. */
static bool is_stale(int fd)
{
	struct statfs fs;
	struct stat st;

	return (fstatfs(fd, &fs) || fstat(fd, &st)) && errno == ENOTCONN;
}

static bool check_directory(int fd, const MountInfo *mount, GError **error)
{
	struct stat st;

	/* A second mount would hide the ipcfs below it. */
	if (mount->root && strcmp(mount->type, "fuse.ipcfs") == 0)
		return fail(error, EBUSY, "ipcfs is already mounted on %s: unmount it first", mount->path);
	if (fstat(fd, &st))
		return fail(error, errno, "%s: %s", mount->path, g_strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return fail(error, ENOTDIR, "%s is not a directory: choose a directory as the mountpoint", mount->path);
	return true;
}

/* Removes stale mounts from the directory, opens it, and fills *out for it. Returns -1 with an error. */
static int open_free_directory(const char *path, MountInfo *out, GError **error)
{
	for (;;) {
		int fd = open_directory(path, error);

		if (fd < 0)
			return -1;
		if (!mount_info_read(fd, out)) {
			close(fd);
			fail(error, ENOENT, "cannot read /proc/self/mountinfo: mount /proc");
			return -1;
		}
		if (!is_stale(fd))
			return fd;
		close(fd);
		if (!remove_stale(out->path, error))
			return -1;
		mount_info_clear(out);
	}
}

char *mountpoint_prepare(const char *path, GError **error)
{
	MountInfo mount = {0};
	char *result = NULL;
	int fd;

	if (!check_device(error))
		return NULL;
	fd = open_free_directory(path, &mount, error);
	if (fd >= 0 && check_directory(fd, &mount, error))
		result = g_strdup(mount.path);
	if (fd >= 0)
		close(fd);
	mount_info_clear(&mount);
	return result;
}
