/*
 * signal/: the directory, and the files of each process, thread, process group and inbox. See docs/ipcfs-signal.7. The tables
 * are const; the only function reads /proc and takes no lock.
 */
#include "backends/signal/tree.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "backends/common/attributes.h"
#include "backends/common/signal_name.h"
#include "backends/core/procfs.h"
#include "backends/signal/exit.h"
#include "backends/signal/group.h"
#include "backends/signal/inbox.h"
#include "backends/signal/inbox_lines.h"
#include "backends/signal/process.h"
#include "backends/signal/send.h"

/* -- self ----------------------------------------------------------------------------------------------------------- */

/* Prints the process of the caller. Caller.pid is the id of a thread. */
static int self_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	int directory = caller->pid ? procfs_open(caller->pid, 0) : -ESRCH;
	g_autofree char *status = NULL;

	if (directory < 0)
		return directory;
	status = procfs_read(directory, "status");
	close(directory);
	if (!status)
		return -ESRCH;
	g_string_append_printf(out, "%d", (int)procfs_number(status, "Tgid", 10));
	return 0;
}

static const TextOps self_text = {.show = self_show};

/* -- A file for each signal ----------------------------------------------------------------------------------------- */

#define SIGNAL_FILE(file, number)                                                                   \
	&(const FileDesc)                                                                           \
	{                                                                                           \
		.name = file, .kind = STREAM, .mode = 0222, .stream = &signal_send, .which = number \
	}

/* clang-format off */
static const FileDesc *const signal_files[] = {
	SIGNAL_FILE("HUP", SIGHUP), SIGNAL_FILE("INT", SIGINT),
	SIGNAL_FILE("QUIT", SIGQUIT), SIGNAL_FILE("ILL", SIGILL),
	SIGNAL_FILE("TRAP", SIGTRAP), SIGNAL_FILE("ABRT", SIGABRT),
	SIGNAL_FILE("BUS", SIGBUS), SIGNAL_FILE("FPE", SIGFPE),
	SIGNAL_FILE("KILL", SIGKILL), SIGNAL_FILE("USR1", SIGUSR1),
	SIGNAL_FILE("SEGV", SIGSEGV), SIGNAL_FILE("USR2", SIGUSR2),
	SIGNAL_FILE("PIPE", SIGPIPE), SIGNAL_FILE("ALRM", SIGALRM),
	SIGNAL_FILE("TERM", SIGTERM), SIGNAL_FILE("STKFLT", SIGSTKFLT),
	SIGNAL_FILE("CHLD", SIGCHLD), SIGNAL_FILE("CONT", SIGCONT),
	SIGNAL_FILE("STOP", SIGSTOP), SIGNAL_FILE("TSTP", SIGTSTP),
	SIGNAL_FILE("TTIN", SIGTTIN), SIGNAL_FILE("TTOU", SIGTTOU),
	SIGNAL_FILE("URG", SIGURG), SIGNAL_FILE("XCPU", SIGXCPU),
	SIGNAL_FILE("XFSZ", SIGXFSZ), SIGNAL_FILE("VTALRM", SIGVTALRM),
	SIGNAL_FILE("PROF", SIGPROF), SIGNAL_FILE("WINCH", SIGWINCH),
	SIGNAL_FILE("POLL", SIGPOLL), SIGNAL_FILE("PWR", SIGPWR),
	SIGNAL_FILE("SYS", SIGSYS), SIGNAL_FILE("RTMIN", SIGNAL_RT_FIRST),
	SIGNAL_FILE("RTMIN+1", SIGNAL_RT_FIRST + 1), SIGNAL_FILE("RTMIN+2", SIGNAL_RT_FIRST + 2),
	SIGNAL_FILE("RTMIN+3", SIGNAL_RT_FIRST + 3), SIGNAL_FILE("RTMIN+4", SIGNAL_RT_FIRST + 4),
	SIGNAL_FILE("RTMIN+5", SIGNAL_RT_FIRST + 5), SIGNAL_FILE("RTMIN+6", SIGNAL_RT_FIRST + 6),
	SIGNAL_FILE("RTMIN+7", SIGNAL_RT_FIRST + 7), SIGNAL_FILE("RTMIN+8", SIGNAL_RT_FIRST + 8),
	SIGNAL_FILE("RTMIN+9", SIGNAL_RT_FIRST + 9), SIGNAL_FILE("RTMIN+10", SIGNAL_RT_FIRST + 10),
	SIGNAL_FILE("RTMIN+11", SIGNAL_RT_FIRST + 11), SIGNAL_FILE("RTMIN+12", SIGNAL_RT_FIRST + 12),
	SIGNAL_FILE("RTMIN+13", SIGNAL_RT_FIRST + 13), SIGNAL_FILE("RTMIN+14", SIGNAL_RT_FIRST + 14),
	SIGNAL_FILE("RTMIN+15", SIGNAL_RT_FIRST + 15), SIGNAL_FILE("RTMIN+16", SIGNAL_RT_FIRST + 16),
	SIGNAL_FILE("RTMIN+17", SIGNAL_RT_FIRST + 17), SIGNAL_FILE("RTMIN+18", SIGNAL_RT_FIRST + 18),
	SIGNAL_FILE("RTMIN+19", SIGNAL_RT_FIRST + 19), SIGNAL_FILE("RTMIN+20", SIGNAL_RT_FIRST + 20),
	SIGNAL_FILE("RTMIN+21", SIGNAL_RT_FIRST + 21), SIGNAL_FILE("RTMIN+22", SIGNAL_RT_FIRST + 22),
	SIGNAL_FILE("RTMIN+23", SIGNAL_RT_FIRST + 23), SIGNAL_FILE("RTMIN+24", SIGNAL_RT_FIRST + 24),
	SIGNAL_FILE("RTMIN+25", SIGNAL_RT_FIRST + 25), SIGNAL_FILE("RTMIN+26", SIGNAL_RT_FIRST + 26),
	SIGNAL_FILE("RTMIN+27", SIGNAL_RT_FIRST + 27), SIGNAL_FILE("RTMIN+28", SIGNAL_RT_FIRST + 28),
	SIGNAL_FILE("RTMIN+29", SIGNAL_RT_FIRST + 29), SIGNAL_FILE("RTMAX", SIGNAL_LAST),
	NULL,
};
/* clang-format on */

#define SEND                                                                                                  \
	{                                                                                                     \
		.name = "send", .kind = STREAM, .mode = 0222, .stream = &signal_send, .which = SIGNAL_BY_NAME \
	}
#define PROCESS_STATUS                                                                       \
	{                                                                                    \
		.name = "status", .kind = TEXT, .mode = 0444, .text = &signal_process_status \
	}
#define MASKS                                                                   \
	PROCESS_STATUS, ATTRIBUTE("pending", 0444, &signal_process_attributes), \
		ATTRIBUTE("blocked", 0444, &signal_process_attributes),         \
		ATTRIBUTE("ignored", 0444, &signal_process_attributes),         \
		ATTRIBUTE("caught", 0444, &signal_process_attributes),          \
		ATTRIBUTE("name", 0444, &signal_process_attributes),            \
		ATTRIBUTE("state", 0444, &signal_process_attributes)

/* -- PID/task/TID/ ------------------------------------------------------------------------------------------------------ */

static const FileDesc thread_files[] = {SEND, MASKS, {0}};

static const FileDesc thread = {.kind = DIRECTORY, .mode = 0444, .files = thread_files, .mechanisms = signal_files};

/* -- PID/ --------------------------------------------------------------------------------------------------------------- */

static const FileDesc process_files[] = {
	SEND,
	MASKS,
	{.name = "exit", .kind = STREAM, .mode = 0444, .stream = &signal_exit},
	{.name = "task", .kind = DIRECTORY, .mode = 0444, .members = &signal_threads, .member = &thread},
	ATTRIBUTE("ppid", 0444, &signal_process_attributes),
	ATTRIBUTE("pgid", 0444, &signal_process_attributes),
	ATTRIBUTE("sid", 0444, &signal_process_attributes),
	{0},
};

static const FileDesc process = {.kind = DIRECTORY, .mode = 0444, .files = process_files, .mechanisms = signal_files};

/* -- group/PGID/ -------------------------------------------------------------------------------------------------------- */

static const FileDesc group_files[] = {
	SEND,
	SLOW_STATUS(&signal_group_attributes),
	SLOW_ATTRIBUTE("pgid", 0444, &signal_group_attributes),
	SLOW_ATTRIBUTE("leader", 0444, &signal_group_attributes),
	SLOW_ATTRIBUTE("sid", 0444, &signal_group_attributes),
	SLOW_ATTRIBUTE("members", 0444, &signal_group_attributes),
	{0},
};

static const FileDesc group = {.kind = DIRECTORY, .mode = 0444, .files = group_files, .mechanisms = signal_files};

/* -- inbox/NAME/ -------------------------------------------------------------------------------------------------------- */

static const FileDesc inbox_files[] = {
	SEND,
	{.name = "lines", .kind = STREAM, .mode = 0444, .stream = &inbox_lines},
	SLOW_STATUS(&inbox_attributes),
	SLOW_ATTRIBUTE("pid", 0444, &inbox_attributes),
	SLOW_ATTRIBUTE("uid", 0444, &inbox_attributes),
	SLOW_ATTRIBUTE("gid", 0444, &inbox_attributes),
	{0},
};

static const FileDesc inbox = {.kind = DIRECTORY, .files = inbox_files};

/* -- signal/ ------------------------------------------------------------------------------------------------------------ */

static const FileDesc signal_descs[] = {
	{.name = "self", .kind = LINK, .mode = 0777, .text = &self_text},
	{.name = "group", .kind = DIRECTORY, .mode = 0555, .members = &signal_groups, .member = &group},
	{.name = "inbox", .kind = DIRECTORY, .mode = 01777, .members = &inbox_members, .member = &inbox},
	{0},
};

const FileDesc signal_desc = {
	.name = "signal",
	.kind = DIRECTORY,
	.mode = 0555,
	.files = signal_descs,
	.members = &signal_processes,
	.member = &process,
};
