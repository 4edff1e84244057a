#include "mountd/mountpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

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
		return fail(error, errno, "/dev/fuse is not there: the kernel has no FUSE; try 'modprobe fuse'");
	return fail(error, errno, "/dev/fuse cannot be opened: %s", g_strerror(errno));
}

/* A mount whose server has died: every access to it says ENOTCONN. */
static bool free_stale(const char *path, GError **error)
{
	char *argv[] = {"fusermount3", "-u", "-z", (char *)path, NULL};
	int status = -1;

	g_message("%s is a mount whose server has died; taking it over", path);
	if (geteuid() == 0)
		return umount2(path, MNT_DETACH) == 0 ||
		       fail(error, errno, "the stale mount on %s cannot be removed: %s", path, g_strerror(errno));
	if (!g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, error))
		return false;
	return g_spawn_check_wait_status(status, error);
}

/* Whether ipcfs is mounted there, and alive: mounting over it would hide it. */
static bool mounted_already(const char *path)
{
	g_autofree char *mounts = NULL;
	g_auto(GStrv) lines = NULL;
	g_autofree char *pattern = NULL;

	if (!g_file_get_contents("/proc/self/mounts", &mounts, NULL, NULL))
		return false;
	lines = g_strsplit(mounts, "\n", -1);
	pattern = g_strconcat(" ", path, " fuse.ipcfs ", NULL);
	for (char **line = lines; *line; line++)
		if (strstr(*line, pattern))
			return true;
	return false;
}

bool mountpoint_prepare(const char *path, GError **error)
{
	struct statfs fs;
	struct stat st;

	if (!check_device(error))
		return false;
	/* The kernel may still know what stat() says of a mount whose server has died. */
	if (statfs(path, &fs) || stat(path, &st)) {
		if (errno == ENOTCONN) {
			if (!free_stale(path, error))
				return false;
		} else if (errno == ENOENT) {
			return fail(error, ENOENT, "there is no directory %s to mount on: make it with mkdir", path);
		} else {
			return fail(error, errno, "%s: %s", path, g_strerror(errno));
		}
		if (stat(path, &st))
			return fail(error, errno, "%s: %s", path, g_strerror(errno));
	}
	if (!S_ISDIR(st.st_mode))
		return fail(error, ENOTDIR, "%s is not a directory", path);
	if (mounted_already(path))
		return fail(error, EBUSY, "ipcfs is mounted on %s already", path);
	return true;
}
