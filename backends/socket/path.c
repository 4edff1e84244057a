/*
 * Walking the paths of unix sockets (path.h), and walks on a thread of their own (PathWalk).
 *
 * bind.c, connect.c, dial.c, file.c and ctl.c call these functions.
 *
 * Locking: none. The fields of a PathWalk belong to its job until job_done().
 */
#include "backends/socket/path.h"

#include <errno.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "backends/core/async.h"
#include "backends/core/credentials.h"
#include "backends/core/host.h"
#include "backends/core/refusal.h"

enum {
	LINKS_MAX = 40,         /* MAXSYMLINKS of the kernel */
	OWN_MOUNT = -EDEADLK,   /* the path leads into the daemon's own mount */
	OTHER_MOUNT = -EREMCHG, /* a link leads out of its mount: its text has to be walked */
	WALKS_AT_ONCE = 32,
	WALKS_USER = 1024,
};

/* -- Callers ------------------------------------------------------------------------------------------------------- */

/*
 * No mount belongs to two mount namespaces. A process with the same root directory on the same mount is therefore in
 * the daemon's namespace.
 */
static bool same_root(pid_t pid)
{
	const unsigned mask = STATX_INO | STATX_MNT_ID;
	struct statx ours, theirs;
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/root", (int)pid);
	return statx(AT_FDCWD, "/", AT_STATX_DONT_SYNC, mask, &ours) == 0 &&
	       statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, mask, &theirs) == 0 && ours.stx_mnt_id == theirs.stx_mnt_id &&
	       ours.stx_ino == theirs.stx_ino && ours.stx_dev_major == theirs.stx_dev_major &&
	       ours.stx_dev_minor == theirs.stx_dev_minor;
}

int path_check_caller(const Caller *caller)
{
	bool same;

	creds_raise();
	same = caller->pid > 0 && same_root(caller->pid);
	creds_lower();
	if (same)
		return 0;
	return refuse(EXDEV, "caller has another root directory or mount namespace: use native sockets");
}

/* -- Walking ------------------------------------------------------------------------------------------------------- */

/* The device of the daemon's own mount; 0: there is none. The calls ask no file system. */
static dev_t own_mount_device(void)
{
	static uint64_t known; /* atomic */
	const char *mountpoint = host_settings()->mountpoint;
	uint64_t device = __atomic_load_n(&known, __ATOMIC_RELAXED);
	struct statx status;

	if (device || !mountpoint)
		return device;
	creds_raise();
	if (statx(AT_FDCWD, mountpoint, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, &status) == 0 &&
	    (status.stx_attributes & STATX_ATTR_MOUNT_ROOT)) {
		device = makedev(status.stx_dev_major, status.stx_dev_minor);
		__atomic_store_n(&known, device, __ATOMIC_RELAXED);
	}
	creds_lower();
	return device;
}

/* The type of a file (S_IFMT); OWN_MOUNT: it is in the daemon's own mount. */
static int kind_of(int fd)
{
	struct statx status;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &status))
		return -errno;
	if (makedev(status.stx_dev_major, status.stx_dev_minor) == own_mount_device())
		return OWN_MOUNT;
	return status.stx_mode & S_IFMT;
}

static bool is_in_proc(int fd)
{
	struct statfs status;

	return fstatfs(fd, &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
}

/*
 * Whether a link of /proc, in `folder`, belongs to the daemon's own process. The kernel lets every thread follow the
 * links of its own process, whatever its credentials are. There they lead to files that the daemon has open.
 */
static bool is_of_daemon(int folder)
{
	/* for cwd, root and exe; for the links in fd and ns */
	static const char *const files[] = {"status", "../status"};

	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		int fd = openat(folder, files[i], O_RDONLY | O_CLOEXEC);
		char text[4096], *ids;
		ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;

		if (fd >= 0)
			close(fd);
		text[MAX(n, 0)] = '\0';
		ids = strstr(text, "\nNStgid:");
		if (!ids)
			continue;
		/* The last number is the pid that the process itself sees. */
		ids += 1;
		ids[strcspn(ids, "\n")] = '\0';
		return atoi(strrchr(ids, '\t') + 1) == getpid();
	}
	return true;
}

/*
 * Follows the link `fd`, which is `name` in `folder`. Inside one mount the kernel follows it, and applies its rules on
 * whose links may be followed (proc(5), protected_symlinks) before it finds that a link leaves the mount. A link of
 * /proc may have no text to walk; the kernel follows it at once. Returns the descriptor; OTHER_MOUNT, with the link's
 * text; or another negative errno.
 */
static int follow_link(int folder, const char *name, int fd, char text[PATH_MAX])
{
	const bool proc = is_in_proc(fd), restricted = proc && creds_overridden();
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = restricted ? RESOLVE_NO_MAGICLINKS :
			   proc       ? 0 :
					RESOLVE_NO_XDEV,
	};
	int followed = (int)syscall(SYS_openat2, folder, name, &how, sizeof how);
	ssize_t n;

	if (followed < 0 && restricted && errno == ELOOP) {
		if (is_of_daemon(folder))
			return -EACCES;
		how.resolve = 0;
		followed = (int)syscall(SYS_openat2, folder, name, &how, sizeof how);
	}
	if (followed >= 0)
		return followed;
	if (errno != EXDEV)
		return -errno;
	n = readlinkat(fd, "", text, PATH_MAX);
	if (n < 0)
		return -errno;
	if (n == PATH_MAX)
		return -ENAMETOOLONG;
	text[n] = '\0';
	return OTHER_MOUNT;
}

/* Closes `fd` unless `result` is the same descriptor. Returns `result`. */
static int replace_fd(int fd, int result)
{
	if (result != fd)
		close(fd);
	return result;
}

/* Opens a name in a folder; results as of follow_link(). `within`: the name must be a folder. */
static int open_name(int folder, const char *name, bool within, char text[PATH_MAX])
{
	const int flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(folder, name, flags | (within ? O_DIRECTORY : 0)), kind, followed;

	/* O_DIRECTORY triggers an automount, but refuses a link. */
	if (fd < 0 && errno == ENOTDIR && within)
		fd = openat(folder, name, flags);
	if (fd < 0)
		return -errno;
	kind = kind_of(fd);
	if (kind == S_IFLNK) {
		followed = follow_link(folder, name, fd, text);
		close(fd);
		if (followed < 0)
			return followed;
		fd = followed;
		kind = kind_of(fd);
		if (kind == S_IFLNK)
			kind = -ELOOP;
	}
	if (kind >= 0 && within && kind != S_IFDIR)
		kind = -ENOTDIR;
	return replace_fd(fd, kind < 0 ? kind : fd);
}

/* Takes the next name off a path. False: there is none left. */
static bool next_name(const char **path, char name[NAME_MAX + 2])
{
	size_t length;

	*path += strspn(*path, "/");
	length = MIN(strcspn(*path, "/"), NAME_MAX + 1);
	/* A name that is too long is cut, but stays too long: the kernel refuses it. */
	memcpy(name, *path, length);
	name[length] = '\0';
	*path += length;
	return length > 0;
}

static int open_root(void)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int walk_path(const char *path)
{
	char rest[PATH_MAX], text[PATH_MAX], name[NAME_MAX + 2];
	const char *left = rest;
	int folder, links = 0;

	if (g_strlcpy(rest, path, sizeof rest) >= sizeof rest)
		return -ENAMETOOLONG;
	folder = open_root();
	while (folder >= 0 && next_name(&left, name)) {
		int next = open_name(folder, name, *left == '/', text);

		if (next == OTHER_MOUNT && ++links > LINKS_MAX)
			next = -ELOOP;
		if (next == OTHER_MOUNT && g_strlcat(text, left, sizeof text) >= sizeof text)
			next = -ENAMETOOLONG;
		if (next == OTHER_MOUNT) {
			g_strlcpy(rest, text, sizeof rest);
			left = rest;
			next = *rest == '/' ? open_root() : folder;
		}
		folder = replace_fd(folder, next);
	}
	return folder;
}

static int refuse_own_mount(int result)
{
	if (result != OWN_MOUNT)
		return result;
	return refuse(ELOOP, "path leads back into %s: use bind(2) and connect(2) for a socket there",
		      host_settings()->mountpoint);
}

int path_open(const char *path)
{
	return refuse_own_mount(walk_path(path));
}

/* Opens the directory that contains the last name of the path. */
static int open_folder(const char *path)
{
	g_autofree char *folder = g_path_get_dirname(path);

	return path_open(folder);
}

int path_check_mount(const char *path)
{
	int fd = open_folder(path);

	if (fd >= 0)
		close(fd);
	return MIN(fd, 0);
}

int path_unlink(const char *path)
{
	g_autofree char *name = g_path_get_basename(path);
	int fd = open_folder(path), result;

	if (fd < 0)
		return fd;
	result = unlinkat(fd, name, 0) < 0 ? -errno : 0;
	close(fd);
	return result;
}

void path_address(int fd, Address *out)
{
	int n;

	*out = (Address){0};
	out->local.sun_family = AF_UNIX;
	n = snprintf(out->local.sun_path, sizeof out->local.sun_path, "/proc/self/fd/%d", fd);
	out->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n + 1);
}

/* -- Background walks ---------------------------------------------------------------------------------------------- */

struct PathWalk {
	AsyncJob job;
	Caller caller; /* owned */
	char *path;    /* owned */
	int result;    /* a descriptor until path_walk_result() returns it; or a negative errno */
};

static void walk_run(AsyncJob *job)
{
	PathWalk *walk = (PathWalk *)job;

	walk->result = creds_override(&walk->caller);
	if (walk->result == 0)
		walk->result = walk_path(walk->path);
	creds_revert();
}

static void walk_free(AsyncJob *job)
{
	PathWalk *walk = (PathWalk *)job;

	if (walk->result >= 0)
		close(walk->result);
	creds_clear(&walk->caller);
	g_free(walk->path);
	g_free(walk);
}

static JobClass walk_jobs = {
	.quota = {.what = "walks of paths", .remedy = "wait for some to end", .error = ENFILE, .user_max = WALKS_USER},
	.threads_user_max = WALKS_AT_ONCE,
	.run = walk_run,
	.end = walk_free,
};

int path_walk_begin(const char *path, const Caller *caller, const int64_t key[4], PathWalk **out)
{
	PathWalk *walk = g_new0(PathWalk, 1);
	int result;

	walk->path = g_strdup(path);
	walk->result = -ENOMEM;
	creds_copy(&walk->caller, caller);
	result = job_start(&walk->job, &walk_jobs, caller->uid, key);
	if (result < 0)
		walk_free(&walk->job);
	else
		*out = walk;
	return result;
}

int path_walk_result(PathWalk *walk)
{
	int result;

	if (!job_done(&walk->job))
		return -EAGAIN;
	result = refuse_own_mount(walk->result);
	walk->result = -EBADF;
	/* -EAGAIN would mean "not yet". */
	return result == -EAGAIN ? -EIO : result;
}

void path_walk_free(PathWalk *walk)
{
	if (walk)
		job_detach(&walk->job);
}
