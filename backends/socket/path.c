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

#include "backends/core/host.h"
#include "backends/core/async.h"
#include "backends/core/credentials.h"
#include "backends/core/refusal.h"

enum {
	LINKS_MAX = 40,       /* the kernel's own MAXSYMLINKS */
	OURS = -EDEADLK,      /* it leads into the daemon's own mount */
	ELSEWHERE = -EREMCHG, /* a link out of this mount: its text is to be walked */
	WALKS_AT_ONCE = 32,
	WALKS_USER = 1024,
};

/* -- Callers ------------------------------------------------------------------------------------------------------------ */

/* No mount belongs to two namespaces, so who has the same root on the same mount is in the same one. */
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
	return refuse(EXDEV, "a path is the daemon's here, and your root directory or mount namespace is another one");
}

/* -- Walking ------------------------------------------------------------------------------------------------------------ */

/* The device of the daemon's own mount; 0 where there is none. Asks nobody but the kernel. */
static dev_t own_device(void)
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

/* What kind of file it is (S_IFMT); OURS where it is in the daemon's own mount. */
static int kind_of(int fd)
{
	struct statx status;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &status))
		return -errno;
	if (makedev(status.stx_dev_major, status.stx_dev_minor) == own_device())
		return OURS;
	return status.stx_mode & S_IFMT;
}

static bool is_in_proc(int fd)
{
	struct statfs status;

	return fstatfs(fd, &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
}

/*
 * Whether it is of the daemon's own process, `folder` being where the link is in /proc. The kernel lets every thread follow the
 * links of its own process, whoever it plays: there they lead to what others have open.
 */
static bool is_of_daemon(int folder)
{
	static const char *const files[] = {"status", "../status"}; /* of cwd and its like; of those in fd and ns */

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
		/* The last one is what the process itself has for its number. */
		ids += 1;
		ids[strcspn(ids, "\n")] = '\0';
		return atoi(strrchr(ids, '\t') + 1) == getpid();
	}
	return true;
}

/*
 * Follows a link, `fd`, which is `name` in `folder`. Within one mount the kernel does it, and has its say on whose links may be
 * followed (proc(5), protected_symlinks), which comes before it finds that one leads elsewhere. Links of /proc may be no text to
 * walk, and lead where they lead at once. The descriptor, or ELSEWHERE with the link's text, or another negative errno.
 */
static int follow(int folder, const char *name, int fd, char text[PATH_MAX])
{
	const bool proc = is_in_proc(fd), asks = proc && creds_overridden();
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = asks ? RESOLVE_NO_MAGICLINKS :
			   proc ? 0 :
				  RESOLVE_NO_XDEV,
	};
	int followed = (int)syscall(SYS_openat2, folder, name, &how, sizeof how);
	ssize_t n;

	if (followed < 0 && asks && errno == ELOOP) {
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
	return ELSEWHERE;
}

/* Closes fd unless `result` is of it too. */
static int settle(int fd, int result)
{
	if (result != fd)
		close(fd);
	return result;
}

/* Opens a name in a folder: as follow(). `within`: it has to be a folder itself. */
static int step(int folder, const char *name, bool within, char text[PATH_MAX])
{
	const int flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(folder, name, flags | (within ? O_DIRECTORY : 0)), kind, followed;

	/* With O_DIRECTORY what is mounted on demand is mounted, but a link is refused. */
	if (fd < 0 && errno == ENOTDIR && within)
		fd = openat(folder, name, flags);
	if (fd < 0)
		return -errno;
	kind = kind_of(fd);
	if (kind == S_IFLNK) {
		followed = follow(folder, name, fd, text);
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
	return settle(fd, kind < 0 ? kind : fd);
}

/* Takes the next name off a path. False: there is none left. */
static bool next_name(const char **path, char name[NAME_MAX + 2])
{
	size_t length;

	*path += strspn(*path, "/");
	length = MIN(strcspn(*path, "/"), NAME_MAX + 1);
	/* One that is too long is cut to one that is too long still: the kernel's to refuse. */
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

static int walk(const char *path)
{
	char rest[PATH_MAX], text[PATH_MAX], name[NAME_MAX + 2];
	const char *at = rest;
	int here, links = 0;

	if (g_strlcpy(rest, path, sizeof rest) >= sizeof rest)
		return -ENAMETOOLONG;
	here = open_root();
	while (here >= 0 && next_name(&at, name)) {
		int next = step(here, name, *at == '/', text);

		if (next == ELSEWHERE && ++links > LINKS_MAX)
			next = -ELOOP;
		if (next == ELSEWHERE && g_strlcat(text, at, sizeof text) >= sizeof text)
			next = -ENAMETOOLONG;
		if (next == ELSEWHERE) {
			g_strlcpy(rest, text, sizeof rest);
			at = rest;
			next = *rest == '/' ? open_root() : here;
		}
		here = settle(here, next);
	}
	return here;
}

static int refuse_ours(int result)
{
	if (result != OURS)
		return result;
	return refuse(ELOOP, "this path leads back into %s: sockets in there are for bind(2) and connect(2) themselves",
		      host_settings()->mountpoint);
}

int path_open(const char *path)
{
	return refuse_ours(walk(path));
}

/* The directory that it is in. */
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

/* -- On a thread -------------------------------------------------------------------------------------------------------- */

struct PathWalk {
	AsyncJob errand;
	Caller caller; /* owned */
	char *path;    /* owned */
	int result;    /* a descriptor, until it is asked for; or a negative errno */
};

static void walk_run(AsyncJob *errand)
{
	PathWalk *walking = (PathWalk *)errand;

	walking->result = creds_override(&walking->caller);
	if (walking->result == 0)
		walking->result = walk(walking->path);
	creds_revert();
}

static void walk_end(AsyncJob *errand)
{
	PathWalk *walking = (PathWalk *)errand;

	if (walking->result >= 0)
		close(walking->result);
	creds_clear(&walking->caller);
	g_free(walking->path);
	g_free(walking);
}

static JobClass walks = {
	.quota = {.what = "walks of paths", .remedy = "wait for some to end", .error = ENFILE, .user_max = WALKS_USER},
	.threads_user_max = WALKS_AT_ONCE,
	.run = walk_run,
	.end = walk_end,
};

int path_walk_begin(const char *path, const Caller *caller, const int64_t key[4], PathWalk **out)
{
	PathWalk *walking = g_new0(PathWalk, 1);
	int result;

	walking->path = g_strdup(path);
	walking->result = -ENOMEM;
	creds_copy(&walking->caller, caller);
	result = job_start(&walking->errand, &walks, caller->uid, key);
	if (result < 0)
		walk_end(&walking->errand);
	else
		*out = walking;
	return result;
}

int path_walk_result(PathWalk *walking)
{
	int result;

	if (!job_done(&walking->errand))
		return -EAGAIN;
	result = refuse_ours(walking->result);
	walking->result = -EBADF;
	/* One that means "not now" would be waited for. */
	return result == -EAGAIN ? -EIO : result;
}

void path_walk_free(PathWalk *walking)
{
	if (walking)
		job_detach(&walking->errand);
}
