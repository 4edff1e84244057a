/*
 * signal/inbox/NAME/: signals received by reading a file.
 *
 * Each inbox is a process (signal_receiver.c) that blocks every signal and writes down each that comes into a pipe, whose
 * other end is here. It is this program, executed anew: it has nothing of the daemon's memory and none of its descriptors.
 *
 * Ownership: the Own object holds the Inbox. rmdir kills the process at once; the descriptors end with the last open file.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/core/credentials.h"
#include "backends/common/registry.h"
#include "backends/core/procfs.h"
#include "backends/signal/tree.h"
#include "backends/signal/receiver.h"
#include "backends/common/signal_name.h"
#include "backends/signal/sender.h"
#include "backends/core/text.h"
#include "backends/core/refusal.h"

enum {
	INBOXES_USER = 64,
	LINE = 128,      /* more than the longest line of a signal */
	RECORDS = 64,    /* taken from the pipe at a time */
	START_MS = 5000, /* what a process may take to become ready */
	REAPER_STACK = 64 * 1024
};

typedef struct Inbox {
	pid_t pid;
	uid_t uid;
	gid_t gid;
	int pidfd;
	int pipe; /* what comes out of the process: struct signalfd_siginfo */
} Inbox;

/* -- The process ---------------------------------------------------------------------------------------------------- */

static void *reap(void *data)
{
	siginfo_t info;
	int pidfd = GPOINTER_TO_INT(data);

	while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0 && errno == EINTR)
		;
	close(pidfd);
	return NULL;
}

/* Has the end of a killed process noted; takes the descriptor. Dying takes a moment, which is spent on another thread. */
static void reap_later(int pidfd)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all;

	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, REAPER_STACK);
	pthread_attr_setsigmask_np(&attributes, &all);
	if (pthread_create(&thread, &attributes, reap, GINT_TO_POINTER(pidfd)))
		reap(GINT_TO_POINTER(pidfd));
	pthread_attr_destroy(&attributes);
}

static void inbox_kill(const Inbox *inbox)
{
	syscall(SYS_pidfd_send_signal, inbox->pidfd, SIGKILL, NULL, 0);
}

/* Ends the process and frees everything. Accepts one whose process never started. */
static void inbox_free(Inbox *inbox)
{
	if (inbox->pidfd >= 0) {
		inbox_kill(inbox);
		reap_later(inbox->pidfd);
	}
	if (inbox->pipe >= 0)
		close(inbox->pipe);
	g_free(inbox);
}

/* Starts this program as a receiver that writes to `out`. 0 or a negative errno. */
static int spawn(Inbox *inbox, int out)
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
	/* Of its own: a signal to the daemon's group or from its terminal is no mail. */
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

/* An inbox for this user, its process started. 0 or a negative errno. */
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
		result = spawn(inbox, ends[1]);
		close(ends[1]);
	}
	if (result == 0) {
		/* It is our child and nobody has waited for it: its number is still its own. */
		inbox->pidfd = pidfd_of(inbox->pid, false);
		result = inbox->pidfd < 0 ? inbox->pidfd : 0;
	}
	if (result < 0) {
		inbox_free(inbox);
		return refuse(-result, "no process can be started for the inbox: %s", g_strerror(-result));
	}
	*out = inbox;
	return 0;
}

/* -- DirOps -------------------------------------------------------------------------------------------------------- */

static void end(Entry *entry)
{
	inbox_free(entry->data);
}

static Registry inboxes = {
	.quota = {.what = "inboxes", .remedy = "remove some", .error = ENOSPC, .user_max = INBOXES_USER}, .end = end};

static int inbox_list(const void *context, const Object *at, MemberSeen seen, void *data)
{
	return registry_list(&inboxes, NULL, seen, data);
}

static int inbox_lookup(const void *context, const Object *at, const char *name, Object *out)
{
	int result = registry_lookup(&inboxes, NULL, name, out);

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

	if (registry_lookup(&inboxes, NULL, name, out) == 0)
		return -EEXIST;
	/* As the daemon: only then can the process take the caller's ids as its real ones, and execute what is ours. */
	creds_raise();
	result = inbox_new(uid, gid, &inbox);
	creds_lower();
	if (result < 0)
		return result;
	result = registry_add(&inboxes, name, mode, inbox, &entry);
	if (result < 0) {
		creds_raise();
		inbox_free(inbox);
		creds_lower();
		return result;
	}
	entry_unref(&inboxes, entry);
	return inbox_lookup(context, directory, name, out);
}

static int inbox_remove(const void *context, const Object *object)
{
	Entry *entry = registry_get(&inboxes, object->id);
	int result = registry_remove(&inboxes, object);

	creds_raise();
	if (entry && result == 0)
		inbox_kill(entry->data);
	entry_unref(&inboxes, entry);
	creds_lower();
	return result;
}

static int inbox_rename(const void *context, const Object *object, const char *name)
{
	return registry_rename(&inboxes, object, name);
}

static int inbox_stat(const void *context, const Object *object, ObjectStat *out)
{
	return registry_stat(&inboxes, object, out);
}

static int inbox_set(const void *context, const Object *object, const ObjectChange *change)
{
	ObjectStat stat;
	int result = registry_stat(&inboxes, object, &stat);

	if (result == 0 && change->set_uid && change->uid != stat.uid)
		return refuse(EPERM, "an inbox is a process, which stays its maker's");
	return result < 0 ? result : registry_set(&inboxes, object, change);
}

static int inbox_permit(const void *context, const Object *object, const Caller *caller, int rights)
{
	return registry_permit(&inboxes, object, caller, rights);
}

const DirOps signal_inboxes = {
	.list = inbox_list,
	.lookup = inbox_lookup,
	.create = inbox_create,
	.remove = inbox_remove,
	.rename = inbox_rename,
	.stat = inbox_stat,
	.set = inbox_set,
	.permit = inbox_permit,
};

int signal_inbox_pidfd(const Object *object)
{
	Entry *entry = registry_get(&inboxes, object->id);
	int fd;

	if (!entry)
		return -ESRCH;
	fd = fcntl(((const Inbox *)entry->data)->pidfd, F_DUPFD_CLOEXEC, 3);
	entry_unref(&inboxes, entry);
	return fd < 0 ? refuse(ENFILE, "the daemon has no descriptor left") : fd;
}

/* -- Text files ----------------------------------------------------------------------------------------------------- */

/*
 * Whoever knows the number will use kill(2), which has to find the process with the ids that it is to have: that takes
 * until it has executed this program. On a worker.
 */
static void await_ids(const Inbox *inbox)
{
	struct pollfd ended = {.fd = inbox->pidfd, .events = POLLIN};

	for (int i = 0; i < START_MS; i++) {
		int directory = procfs_open(inbox->pid, 0);
		g_autofree char *status = directory >= 0 ? procfs_read(directory, "status") : NULL;

		if (directory >= 0)
			close(directory);
		/* The real one is the first of them. */
		if (!status || procfs_number(status, "Uid", 10) == inbox->uid)
			return;
		if (poll(&ended, 1, 1) > 0)
			return;
	}
}

static int show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	Entry *entry = registry_get(&inboxes, object->id);
	const Inbox *inbox;

	if (!entry)
		return -ENOENT;
	inbox = entry->data;
	await_ids(inbox);
	switch (desc->which) {
	case SHOW_STATUS:
		text_label(out, "Pid");
		text_number(out, inbox->pid);
		text_label(out, "Uid");
		text_number(out, inbox->uid);
		text_label(out, "Gid");
		text_number(out, inbox->gid);
		break;
	case SHOW_PID:
		text_number(out, inbox->pid);
		break;
	case SHOW_UID:
		text_number(out, inbox->uid);
		break;
	case SHOW_GID:
		text_number(out, inbox->gid);
		break;
	}
	entry_unref(&inboxes, entry);
	return 0;
}

const TextOps signal_inbox_text = {.show = show, .slow = true};

/* -- lines ---------------------------------------------------------------------------------------------------------- */

/* Handle.state: the inbox, held. */
enum { STATE_ENTRY };

static Entry *entry_of(const Handle *handle)
{
	return (Entry *)(intptr_t)handle->state[STATE_ENTRY];
}

static const Inbox *inbox_of(const Handle *handle)
{
	return entry_of(handle)->data;
}

static void print_code(char *out, size_t room, int code)
{
	static const struct {
		int code;
		const char *name;
	} codes[] = {
		{SI_USER, "SI_USER"},     {SI_QUEUE, "SI_QUEUE"},     {SI_TKILL, "SI_TKILL"},
		{SI_KERNEL, "SI_KERNEL"}, {SI_TIMER, "SI_TIMER"},     {SI_MESGQ, "SI_MESGQ"},
		{SI_SIGIO, "SI_SIGIO"},   {SI_ASYNCIO, "SI_ASYNCIO"}, {SI_ASYNCNL, "SI_ASYNCNL"},
	};

	snprintf(out, room, "%d", code);
	for (size_t i = 0; i < G_N_ELEMENTS(codes); i++)
		if (codes[i].code == code)
			g_strlcpy(out, codes[i].name, room);
}

static void append_line(Buffer *out, const struct signalfd_siginfo *info)
{
	char name[SIGNAL_NAME_MAX], code[24], line[LINE];

	signal_name((int)info->ssi_signo, name);
	print_code(code, sizeof code, info->ssi_code);
	buffer_append(out, line,
		      (size_t)snprintf(line, sizeof line, "%s pid=%u uid=%u code=%s value=%d\n", name, info->ssi_pid,
				       info->ssi_uid, code, info->ssi_int));
}

/* Takes up to `count` signals from the pipe to handle->rest. How many, 0 at the end, or -EAGAIN. */
static int take(Handle *handle, size_t count)
{
	struct signalfd_siginfo infos[RECORDS];
	ssize_t n = read(inbox_of(handle)->pipe, infos, MIN(count, RECORDS) * sizeof *infos);
	int taken;

	if (n < 0)
		return -errno;
	for (taken = 0; (size_t)taken < (size_t)n / sizeof *infos; taken++)
		append_line(&handle->rest, &infos[taken]);
	return taken;
}

static int lines_open(Handle *handle, BlockMode block)
{
	Entry *entry = registry_get(&inboxes, handle->object.id);

	if (!entry)
		return -ENOENT;
	handle->state[STATE_ENTRY] = (intptr_t)entry;
	return 0;
}

static ssize_t lines_read(Handle *handle, char *buf, size_t size, BlockMode block)
{
	/* As many as surely fit, but one in any case. */
	if (!handle->rest.length) {
		int taken = take(handle, MAX(1, size / LINE));

		if (taken <= 0)
			return taken;
	}
	return (ssize_t)buffer_take(&handle->rest, buf, size);
}

static int lines_poll(Handle *handle)
{
	struct pollfd pipe = {.fd = inbox_of(handle)->pipe, .events = POLLIN};

	if (handle->rest.length)
		return POLLIN | POLLRDNORM;
	if (poll(&pipe, 1, 0) <= 0)
		return 0;
	return (pipe.revents & POLLIN ? POLLIN | POLLRDNORM : 0) | (pipe.revents & POLLHUP);
}

static void lines_wait(Handle *handle, Direction direction, size_t size, Wait *out)
{
	*out = (Wait){
		.how = WAIT_FD,
		.fd = inbox_of(handle)->pipe,
		.events = POLLIN,
		.key = {entry_of(handle)->id, 0, 0, (intptr_t)&signal_inbox_lines},
	};
}

static void lines_close(Handle *handle)
{
	entry_unref(&inboxes, entry_of(handle));
}

const StreamOps signal_inbox_lines = {
	.open = lines_open,
	.read = lines_read,
	.poll = lines_poll,
	.wait = lines_wait,
	.close = lines_close,
};
