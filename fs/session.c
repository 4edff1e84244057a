/*
 * The session: mounts, serves the requests of the kernel, and unmounts.
 *
 * Caller: mountd/main.c, on the main thread. That thread becomes the dispatcher with `--threads 1`; otherwise libfuse
 * starts dispatcher threads. ending_main() runs on a thread of its own and waits for the signal to end.
 *
 * Locking: none. The order of session_run() matters: nothing serves requests before all parts have started.
 */
#include "fs/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fs/file.h"
#include "fs/loop.h"
#include "fs/memory.h"
#include "fs/mount_info.h"
#include "fs/operations.h"
#include "fs/reply.h"
#include "fs/wait/thread.h"
#include "fs/wait/worker.h"

enum {
	WRITE_MAX = 1 << 20,
	HEADER_ROOM = 4096 /* for the header before the bytes of a write, as in libfuse and in the kernel */
};

/* The kernel requires CAP_SYS_ADMIN for FUSE passthrough. */
static bool has_sys_admin(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {0};

	return syscall(SYS_capget, &header, sets) == 0 &&
	       (sets[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective & CAP_TO_MASK(CAP_SYS_ADMIN));
}

static void on_init(void *data, struct fuse_conn_info *conn)
{
	if (fuse_set_feature_flag(conn, FUSE_CAP_PASSTHROUGH)) {
		conn->max_backing_stack_depth = 1; /* the memory is not on a stacked file system */
		memory_start(has_sys_admin());
	} else {
		memory_start(false);
	}
	conn->max_write = WRITE_MAX;
	/* A RELEASE is a background request: a thousand at once must not wait for each other. */
	conn->max_background = 1024;
	fuse_unset_feature_flag(conn, FUSE_CAP_ATOMIC_O_TRUNC); /* stream.c says why */
	fuse_unset_feature_flag(conn, FUSE_CAP_SPLICE_READ); /* messages are small: a pipe in between only costs time */
	fuse_unset_feature_flag(conn, FUSE_CAP_SPLICE_WRITE);
	fuse_set_feature_flag(conn, FUSE_CAP_PARALLEL_DIROPS);
}

static const struct fuse_lowlevel_ops operations = {
	.init = on_init,
	.lookup = on_lookup,
	.forget = on_forget,
	.forget_multi = on_forget_multi,
	.getattr = on_getattr,
	.setattr = on_setattr,
	.statfs = on_statfs,
	.mkdir = on_mkdir,
	.rmdir = on_rmdir,
	.rename = on_rename,
	.mknod = on_mknod,
	.unlink = on_unlink,
	.symlink = on_symlink,
	.link = on_link,
	.readlink = on_readlink,
	.opendir = on_opendir,
	.readdir = on_readdir,
	.readdirplus = on_readdirplus,
	.releasedir = on_releasedir,
	.open = on_open,
	.read = on_read,
	.write = on_write,
	.poll = on_poll,
	.release = on_release,
};

size_t session_whole_write(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	g_autofree char *text = NULL;
	size_t largest = WRITE_MAX;

	if (g_file_get_contents("/proc/sys/fs/fuse/max_pages_limit", &text, NULL, NULL))
		largest = MIN(largest, g_ascii_strtoull(text, NULL, 10) * page);
	/* The first piece of a larger write is a page shorter if its buffer is not aligned. */
	return largest - page;
}

/* -- Ending --------------------------------------------------------------------------------------------------------- */

static gint ended;

static void ending_signals(sigset_t *out)
{
	sigemptyset(out);
	sigaddset(out, SIGTERM);
	sigaddset(out, SIGINT);
	sigaddset(out, SIGHUP);
}

/*
 * Waits for the signal to end. The loop checks its flag between requests only, and a signal just before it sleeps would
 * be lost. So the loop's thread is interrupted until the loop has ended.
 */
static void *ending_main(void *data)
{
	struct fuse_session *session = reply_session();
	pid_t loop = GPOINTER_TO_INT(data);
	sigset_t signals;
	int signal;

	ending_signals(&signals);
	sigwait(&signals, &signal);
	fuse_session_exit(session);
	while (!g_atomic_int_get(&ended)) {
		worker_interrupt(loop);
		g_usleep(10000);
	}
	return NULL;
}

static bool start_ending(GError **error)
{
	pthread_t thread;
	int failed = pthread_create(&thread, NULL, ending_main, GINT_TO_POINTER(worker_self()));

	if (failed) {
		g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(failed), "cannot start a thread");
		return false;
	}
	pthread_detach(thread);
	return true;
}

/* -- Serving -------------------------------------------------------------------------------------------------------- */

static int serve_requests(struct fuse_session *session, int threads)
{
	struct fuse_loop_config *config;
	int result;

	if (threads == 1)
		return loop_run(session, WRITE_MAX + HEADER_ROOM);
	config = fuse_loop_cfg_create();
	fuse_loop_cfg_set_max_threads(config, (unsigned)threads);
	fuse_loop_cfg_set_idle_threads(config, (unsigned)threads);
	result = fuse_session_loop_mt(session, config);
	fuse_loop_cfg_destroy(config);
	return result;
}

static struct fuse_session *session_new(const char *options)
{
	char *argv[] = {"ipcfs", "-o", (char *)options, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, argv);
	struct fuse_session *session = fuse_session_new(&args, &operations, sizeof operations, NULL);

	fuse_opt_free_args(&args);
	return session;
}

/* -- Unmounting ----------------------------------------------------------------------------------------------------- */

/* The device of the file system at that path; 0: unknown. *fd is open for the path, O_PATH, or -1. */
static dev_t device_at(const char *path, int *fd)
{
	MountInfo info;
	dev_t device = 0;

	*fd = open(path, O_PATH | O_CLOEXEC);
	if (*fd >= 0 && mount_info_read(*fd, &info)) {
		device = info.device;
		mount_info_clear(&info);
	}
	return device;
}

static bool is_connected(struct fuse_session *session)
{
	struct pollfd connection = {.fd = fuse_session_fd(session)};

	return poll(&connection, 1, 0) != 1 || !(connection.revents & POLLERR);
}

/*
 * Unmounts the session's own mount, whose file system is `device`. By now the mountpoint may carry the mount of another
 * daemon: the user may have unmounted with `umount -l` while files were open, and mounted again. umount2() on the
 * descriptor reaches the mount that was compared, and no later one. fusermount3, for an ordinary user, takes a path
 * only.
 */
static void unmount_own(struct fuse_session *session, const char *mountpoint, dev_t device)
{
	g_autofree char *mount = NULL;
	int fd;

	if (!is_connected(session) || !device)
		return;
	if (device_at(mountpoint, &fd) == device) {
		mount = g_strdup_printf("/proc/self/fd/%d", fd);
		if (umount2(mount, MNT_DETACH))
			fuse_session_unmount(session);
	}
	if (fd >= 0)
		close(fd);
}

/* ------------------------------------------------------------------------------------------------------------------- */

bool session_run(const SessionSettings *settings, GError **error)
{
	struct fuse_session *session = session_new(settings->options);
	sigset_t signals;
	dev_t device;
	int result, fd;

	if (!session) {
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "mount options not understood: %s",
			    settings->options);
		return false;
	}
	if (fuse_session_mount(session, settings->mountpoint)) {
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "cannot mount on %s", settings->mountpoint);
		fuse_session_destroy(session);
		return false;
	}
	device = device_at(settings->mountpoint, &fd);
	if (fd >= 0)
		close(fd); /* otherwise the mount would be busy for umount(2) without MNT_DETACH */
	reply_start(session);
	inode_start(settings->root);
	file_start();
	/* Threads start only after this, and inherit the mask: only ending_main() gets these signals. */
	ending_signals(&signals);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (fuse_daemonize(settings->foreground)) {
		g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "cannot become a daemon");
		unmount_own(session, settings->mountpoint, device);
		return false;
	}
	if (!settings->foreground)
		settings->detached();
	worker_start();
	watching_thread_start();
	if (!start_ending(error)) {
		unmount_own(session, settings->mountpoint, device);
		return false;
	}
	result = serve_requests(session, settings->threads);
	g_atomic_int_set(&ended, 1);
	unmount_own(session, settings->mountpoint, device);
	/* The kernel closes the connection with the process, and that ends the requests that still wait. */
	if (result < 0) {
		g_warning("the connection to the kernel failed: %s", g_strerror(-result));
		g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(-result),
			    "the connection to the kernel failed");
	}
	return result >= 0;
}
