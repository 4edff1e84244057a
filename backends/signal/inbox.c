/*
 * Inboxes in signal/inbox/: see inbox.h.
 *
 * The process of an inbox (receiver.c) blocks all signals, and writes each signal that it receives to a pipe, whose other end
 * the daemon reads. The process executes this program again, so that it has neither the memory nor the descriptors of the daemon.
 *
 * fs/ calls the functions through inbox_members and the attributes. An Inbox does not change after it was made, so it needs no
 * lock. The registry has a lock of its own.
 */
#include "backends/signal/inbox.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/core/credentials.h"
#include "backends/core/procfs.h"
#include "backends/core/refusal.h"
#include "backends/core/thread.h"
#include "backends/signal/object.h"
#include "backends/signal/receiver.h"
#include "backends/signal/sender.h"

enum {
	INBOXES_USER = 64,
	START_MS = 5000, /* limit for the process to take its user's ids */
	REAPER_STACK = 64 * 1024
};

/* -- The process -------------------------------------------------------------------------------------------------------- */

static void *reap_process(void *data)
{
	siginfo_t info;
	int pidfd = GPOINTER_TO_INT(data);

	while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0 && errno == EINTR)
		;
	close(pidfd);
	return NULL;
}

/* Reaps a killed process on another thread, because its exit takes a moment. Takes ownership of the pidfd. */
static void reap_in_background(int pidfd)
{
	if (!thread_start(reap_process, GINT_TO_POINTER(pidfd), REAPER_STACK))
		reap_process(GINT_TO_POINTER(pidfd));
}

static void inbox_kill(const Inbox *inbox)
{
	syscall(SYS_pidfd_send_signal, inbox->pidfd, SIGKILL, NULL, 0);
}

/* Kills the process and frees the inbox. Accepts an inbox whose process was not started. */
static void inbox_free(Inbox *inbox)
{
	if (inbox->pidfd >= 0) {
		inbox_kill(inbox);
		reap_in_background(inbox->pidfd);
	}
	if (inbox->pipe >= 0)
		close(inbox->pipe);
	g_free(inbox);
}

/* Starts the process, with `out` as its standard output. Returns 0 or a negative errno. */
static int inbox_spawn(Inbox *inbox, int out)
{
	char uid[16], gid[16];
	char *argv[] = {"ipcfs-inbox", SIGNAL_RECEIVER, uid, gid, NULL};
	char *environment[] = {NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t all;
	int error;

	snprintf(uid, sizeof uid, "%u", inbox->uid);
	snprintf(gid, sizeof gid, "%u", inbox->gid);
	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &all);
	/* A session of its own: a signal to the daemon's group or from its terminal must not reach the inbox. */
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&files, 3);
	posix_spawn_file_actions_addchdir_np(&files, "/");
	error = posix_spawn(&inbox->pid, "/proc/self/exe", &files, &attributes, argv, environment);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return -error;
}

/* Makes an inbox with a running process. Returns 0 or a negative errno. Called with the daemon's own ids. */
static int inbox_new(uid_t uid, gid_t gid, Inbox **out)
{
	Inbox *inbox = g_new(Inbox, 1);
	int ends[2], result;

	*inbox = (Inbox){.uid = uid, .gid = gid, .pidfd = -1, .pipe = -1};
	if (pipe2(ends, O_CLOEXEC) < 0) {
		result = -errno;
	} else {
		inbox->pipe = ends[0];
		fcntl(inbox->pipe, F_SETFL, O_NONBLOCK);
		result = inbox_spawn(inbox, ends[1]);
		close(ends[1]);
	}
	if (result == 0) {
		/* Only this thread knows the child and could reap it, so its pid cannot have been reused. */
		inbox->pidfd = pidfd_of(inbox->pid, false);
		if (inbox->pidfd < 0) {
			result = inbox->pidfd;
			kill(inbox->pid, SIGKILL);
			waitpid(inbox->pid, NULL, 0);
		}
	}
	if (result < 0) {
		inbox_free(inbox);
		if (result == -EMFILE || result == -ENFILE)
			return refuse_descriptor(-result);
		return refuse(-result, "the daemon cannot start a process: %s", g_strerror(-result));
	}
	*out = inbox;
	return 0;
}

/* -- DirOps ------------------------------------------------------------------------------------------------------------- */

static void inbox_end(Entry *entry)
{
	inbox_free(entry->data);
}

Registry inbox_table = {
	.quota = {.what = "inboxes", .remedy = "remove some", .error = ENOSPC, .user_max = INBOXES_USER},
	.end = inbox_end,
};

static int inbox_lookup(const void *context, const Object *directory, const char *name, Object *out)
{
	int result = registry_lookup(&inbox_table, NULL, name, out);

	if (result == 0)
		out->select = SIGNAL_INBOX;
	return result;
}

static int inbox_create(const void *context, const Object *directory, const char *name, mode_t mode, Object *out)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	Inbox *inbox = NULL;
	Entry *entry;
	int result;

	if (registry_lookup(&inbox_table, NULL, name, out) == 0)
		return -EEXIST;
	/* Only with the daemon's own ids can the process take the caller's ids as real ones, and execute this program. */
	creds_raise();
	result = inbox_new(uid, gid, &inbox);
	creds_lower();
	if (result < 0)
		return result;
	result = registry_add(&inbox_table, name, mode, inbox, &entry);
	if (result < 0) {
		creds_raise();
		inbox_free(inbox);
		creds_lower();
		return result;
	}
	entry_unref(&inbox_table, entry);
	return inbox_lookup(context, directory, name, out);
}

static int inbox_remove(const void *context, const Object *object)
{
	Entry *entry = registry_get(&inbox_table, object->id);
	int result = registry_remove(&inbox_table, object);

	creds_raise();
	if (entry && result == 0)
		inbox_kill(entry->data);
	entry_unref(&inbox_table, entry);
	creds_lower();
	return result;
}

static int inbox_set(const void *context, const Object *object, const ObjectChange *change)
{
	ObjectStat stat;
	int result = registry_stat(&inbox_table, object, &stat);

	if (result == 0 && change->set_uid && change->uid != stat.uid)
		return refuse(EPERM, "an inbox keeps the uid of its process: make an inbox as the other user");
	return result < 0 ? result : registry_set(&inbox_table, object, change);
}

const DirOps inbox_members = {
	.context = &inbox_table,
	.list = registry_list,
	.lookup = inbox_lookup,
	.create = inbox_create,
	.remove = inbox_remove,
	.rename = registry_rename,
	.stat = registry_stat,
	.set = inbox_set,
	.permit = registry_permit,
};

int inbox_pidfd(const Object *object)
{
	Entry *entry = registry_get(&inbox_table, object->id);
	int fd;

	if (!entry)
		return -ESRCH;
	fd = fcntl(((const Inbox *)entry->data)->pidfd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		fd = refuse_descriptor(errno);
	entry_unref(&inbox_table, entry);
	return fd;
}

/* -- Attributes --------------------------------------------------------------------------------------------------------- */

/*
 * Waits until the process has its user's ids. A program that reads `pid` may call kill(2) with it, and the kernel then has to
 * see these ids. Blocks, so the attributes are read on a worker thread.
 */
static void await_ids(const Inbox *inbox)
{
	struct pollfd ended = {.fd = inbox->pidfd, .events = POLLIN};

	for (int i = 0; i < START_MS; i++) {
		int directory = procfs_open(inbox->pid, 0);
		g_autofree char *status = directory >= 0 ? procfs_read(directory, "status") : NULL;

		if (directory >= 0)
			close(directory);
		/* The first number is the real uid. */
		if (!status || procfs_number(status, "Uid", 10) == inbox->uid)
			return;
		if (poll(&ended, 1, 1) > 0)
			return;
	}
}

static int snapshot_load(const Object *object, void *out)
{
	Entry *entry = registry_get(&inbox_table, object->id);

	if (!entry)
		return -ENOENT;
	await_ids(entry->data);
	memcpy(out, entry->data, sizeof(Inbox));
	entry_unref(&inbox_table, entry);
	return 0;
}

static const Attribute attributes[] = {
	{"pid", "pid", attribute_print_int, offsetof(Inbox, pid)},
	{"uid", NULL, attribute_print_id, offsetof(Inbox, uid)},
	{"gid", NULL, attribute_print_id, offsetof(Inbox, gid)},
	{0},
};

const AttributeSet inbox_attributes = {
	.attributes = attributes,
	.size = sizeof(Inbox),
	.load = snapshot_load,
};
