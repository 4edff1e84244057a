/* The processes of signal/, and the threads in PID/task/. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/core/procfs.h"
#include "backends/signal/tree.h"
#include "backends/common/signal_name.h"
#include "backends/signal/sender.h"
#include "backends/core/text.h"

static int directory_of(const Object *object)
{
	if (object->select > 0)
		return procfs_open(object->select, (pid_t)object->id);
	return procfs_open((pid_t)object->id, 0);
}

/* As signal_directory(), with what procfs_stat() gives. */
static int open_same(const Object *object, ProcessStat *stat)
{
	int directory = directory_of(object);

	if (directory < 0)
		return directory;
	if (procfs_stat(directory, stat) == 0 && (int64_t)stat->start == object->part)
		return directory;
	close(directory);
	return -ESRCH;
}

int signal_directory(const Object *object)
{
	ProcessStat stat;

	return open_same(object, &stat);
}

/* -- DirOps -------------------------------------------------------------------------------------------------------- */

/* Finds what has this number now, and its owner if `out_stat` is not NULL. */
static int find(pid_t pid, pid_t process, Object *out, ObjectStat *out_stat)
{
	Object object = {.id = pid, .select = process};
	int directory = directory_of(&object);
	ProcessStat found;
	struct stat owner;
	int result;

	if (directory < 0)
		return directory;
	result = procfs_stat(directory, &found);
	if (result == 0 && fstat(directory, &owner) != 0)
		result = -ESRCH;
	close(directory);
	if (result < 0)
		return result;
	object.part = (int64_t)found.start;
	snprintf(object.name, sizeof object.name, "%d", (int)pid);
	*out = object;
	/* Anybody may try to send, and read what /proc shows to everybody: the verdict is the kernel's, at each signal. */
	if (out_stat) {
		time_t began = procfs_began(found.start);

		*out_stat = (ObjectStat){
			.uid = owner.st_uid,
			.gid = owner.st_gid,
			.mode = 0666,
			.atime = began,
			.mtime = began,
			.ctime = began,
		};
	}
	return 0;
}

typedef struct Listing {
	pid_t process; /* whose threads are listed; 0: processes */
	MemberSeen seen;
	void *data;
} Listing;

static void see(void *data, pid_t pid)
{
	const Listing *listing = data;
	Object object;
	ObjectStat stat;

	if (find(pid, listing->process, &object, &stat) == 0)
		listing->seen(listing->data, &object, &stat);
}

static int process_list(const void *context, const Object *at, MemberSeen seen, void *data)
{
	Listing listing = {.seen = seen, .data = data};

	return procfs_each("/proc", see, &listing);
}

static int thread_list(const void *context, const Object *at, MemberSeen seen, void *data)
{
	Listing listing = {.process = (pid_t)at->id, .seen = seen, .data = data};
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/task", (int)at->id);
	return procfs_each(path, see, &listing);
}

static int process_lookup(const void *context, const Object *at, const char *name, Object *out)
{
	pid_t pid = procfs_parse(name);
	int pidfd;

	if (!pid)
		return -ENOENT;
	/* /proc has a directory for a thread's number as well; a pidfd is for processes only. */
	pidfd = pidfd_of(pid, false);
	if (pidfd >= 0)
		close(pidfd);
	if (pidfd < 0 || find(pid, 0, out, NULL) < 0)
		return pidfd == -ENFILE ? pidfd : -ENOENT;
	return 0;
}

static int thread_lookup(const void *context, const Object *at, const char *name, Object *out)
{
	pid_t tid = procfs_parse(name);

	return tid && find(tid, (pid_t)at->id, out, NULL) == 0 ? 0 : -ENOENT;
}

static int process_member_stat(const void *context, const Object *object, ObjectStat *out)
{
	Object now;
	ObjectStat stat;
	int result = find((pid_t)object->id, object->select, &now, &stat);

	if (result == 0 && now.part == object->part) {
		*out = stat;
	} else if (result == 0 || result == -ESRCH) {
		/* A file that is still open (`exit`, of all things) can be looked at; opening one says ESRCH. */
		time_t began = procfs_began((uint64_t)object->part);

		*out = (ObjectStat){.mode = 0666, .atime = began, .mtime = began, .ctime = began};
		result = 0;
	}
	return result;
}

const DirOps signal_processes = {
	.lasting = true,
	.list = process_list,
	.lookup = process_lookup,
	.stat = process_member_stat,
	.private = true,
};

const DirOps signal_threads = {
	.lasting = true,
	.list = thread_list,
	.lookup = thread_lookup,
	.stat = process_member_stat,
	.private = true,
};

/* -- Text files ----------------------------------------------------------------------------------------------------- */

/* Pending for the whole process as well as for this thread, in a thread's directory the latter alone. */
static uint64_t pending_mask(const Object *object, const char *status)
{
	uint64_t entry = procfs_number(status, "SigPnd", 16);

	return object->select > 0 ? entry : entry | procfs_number(status, "ShdPnd", 16);
}

/* A line of /proc/PID/status as it is, under another name perhaps. */
static void print_field(GString *out, const char *name, const char *status, const char *field)
{
	const char *value = procfs_field(status, field);

	text_label(out, name);
	if (value)
		g_string_append_len(out, value, strchrnul(value, '\n') - value);
	g_string_append_c(out, '\n');
}

static void print_mask(GString *out, const char *name, const char *status, const char *field)
{
	text_label(out, name);
	signal_print_mask(out, procfs_number(status, field, 16), ' ');
	if (out->str[out->len - 1] == ' ')
		out->str[out->len - 1] = '\n';
	else
		g_string_append_c(out, '\n');
}

/* A line for each signal: its number, what the process does with it, what it means. */
static void print_signals(GString *out, const Object *object, const char *status)
{
	const uint64_t pending = pending_mask(object, status), blocked = procfs_number(status, "SigBlk", 16);
	const uint64_t ignored = procfs_number(status, "SigIgn", 16), caught = procfs_number(status, "SigCgt", 16);

	for (int number = 1; number <= SIGNAL_LAST; number++) {
		char name[SIGNAL_NAME_MAX];

		if (number > SIGSYS && number < SIGNAL_RT_FIRST)
			continue;
		signal_name(number, name);
		text_label(out, name);
		g_string_append_printf(out, "%d %s%s%s, %s\n", number,
				       signal_in_mask(ignored, number) ? "ignored" :
				       signal_in_mask(caught, number)  ? "caught" :
									 "default",
				       signal_in_mask(blocked, number) ? " blocked" : "",
				       signal_in_mask(pending, number) ? " pending" : "", signal_meaning(number));
	}
}

static void print_status(GString *out, const Object *object, const ProcessStat *stat, const char *status)
{
	print_field(out, "Name", status, "Name"); /* with what is special in it escaped */
	print_field(out, "State", status, "State");
	print_field(out, "Tgid", status, "Tgid");
	print_field(out, "Pid", status, "Pid");
	text_label(out, "PPid");
	text_number(out, stat->parent);
	text_label(out, "Pgid");
	text_number(out, stat->group);
	text_label(out, "Sid");
	text_number(out, stat->session);
	print_field(out, "Uid", status, "Uid");
	print_field(out, "Gid", status, "Gid");
	print_field(out, "SigQ", status, "SigQ");
	print_mask(out, "SigPnd", status, "SigPnd");
	print_mask(out, "ShdPnd", status, "ShdPnd");
	print_mask(out, "SigBlk", status, "SigBlk");
	print_mask(out, "SigIgn", status, "SigIgn");
	print_mask(out, "SigCgt", status, "SigCgt");
	print_signals(out, object, status);
}

static int show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	g_autofree char *status = NULL;
	ProcessStat stat;
	int directory = open_same(object, &stat);

	if (directory < 0)
		return directory;
	status = procfs_read(directory, "status");
	close(directory);
	if (!status)
		return -ESRCH;
	switch (desc->which) {
	case SHOW_STATUS:
		print_status(out, object, &stat, status);
		break;
	case SHOW_NAME:
		g_string_append_printf(out, "%s\n", stat.name);
		break;
	case SHOW_STATE:
		g_string_append_printf(out, "%c\n", stat.state);
		break;
	case SHOW_PPID:
		text_number(out, stat.parent);
		break;
	case SHOW_PGID:
		text_number(out, stat.group);
		break;
	case SHOW_SID:
		text_number(out, stat.session);
		break;
	case SHOW_PENDING:
		signal_print_mask(out, pending_mask(object, status), '\n');
		break;
	case SHOW_BLOCKED:
		signal_print_mask(out, procfs_number(status, "SigBlk", 16), '\n');
		break;
	case SHOW_IGNORED:
		signal_print_mask(out, procfs_number(status, "SigIgn", 16), '\n');
		break;
	case SHOW_CAUGHT:
		signal_print_mask(out, procfs_number(status, "SigCgt", 16), '\n');
		break;
	}
	return 0;
}

const TextOps signal_text = {.show = show};
