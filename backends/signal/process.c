/*
 * The processes of signal/, and the threads in PID/task/: the directories, and the text files of each.
 *
 * All values come from /proc. A process can end, and another one can take its number, between two reads. Each function therefore
 * opens the directory in /proc first and compares the start time with that of the object (object.h). fs/ calls the functions
 * through the tables. There are no locks.
 */
#include "backends/signal/process.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/common/signal_name.h"
#include "backends/core/procfs.h"
#include "backends/core/text.h"
#include "backends/signal/object.h"
#include "backends/signal/sender.h"

/* Opens the directory in /proc of the process or thread that has the object's number now. */
static int open_directory(const Object *object)
{
	if (object->select > 0)
		return procfs_open(object->select, (pid_t)object->id);
	return procfs_open((pid_t)object->id, 0);
}

/* Opens the directory in /proc of the object, and fills *stat. -ESRCH: the process or thread has ended. */
static int open_same(const Object *object, ProcessStat *stat)
{
	int directory = open_directory(object);

	if (directory < 0)
		return directory;
	if (procfs_stat(directory, stat) == 0 && (int64_t)stat->start == object->part)
		return directory;
	close(directory);
	return -ESRCH;
}

int signal_process_pidfd(const Object *object)
{
	int pidfd = pidfd_of((pid_t)object->id, object->select > 0);
	ProcessStat stat;
	int directory;

	if (pidfd < 0)
		return pidfd;
	/* The start time is compared after pidfd_open(2), so that it is the start time of the pidfd's process. */
	directory = open_same(object, &stat);
	if (directory < 0) {
		close(pidfd);
		return directory;
	}
	close(directory);
	return pidfd;
}

/* -- DirOps ------------------------------------------------------------------------------------------------------------- */

/* The attributes of files of a process. Every user may open them; the kernel checks each signal that is sent. */
static ObjectStat stat_since(uint64_t start, uid_t uid, gid_t gid)
{
	const time_t began = procfs_began(start);

	return (ObjectStat){.uid = uid, .gid = gid, .mode = 0666, .atime = began, .mtime = began, .ctime = began};
}

/* Finds the process or thread (process > 0) that has this number now. `out_stat` may be NULL. */
static int process_find(pid_t pid, pid_t process, Object *out, ObjectStat *out_stat)
{
	Object object = {.id = pid, .select = process};
	int directory = open_directory(&object);
	ProcessStat process_stat;
	struct stat owner;
	int result;

	if (directory < 0)
		return directory;
	result = procfs_stat(directory, &process_stat);
	if (result == 0 && fstat(directory, &owner) != 0)
		result = -ESRCH;
	close(directory);
	if (result < 0)
		return result;
	object.part = (int64_t)process_stat.start;
	snprintf(object.name, sizeof object.name, "%d", (int)pid);
	*out = object;
	if (out_stat)
		*out_stat = stat_since(process_stat.start, owner.st_uid, owner.st_gid);
	return 0;
}

typedef struct Listing {
	pid_t process; /* 0: processes are listed; else the threads of this process */
	MemberSeen seen;
	void *data;
} Listing;

static void list_one(void *data, pid_t pid)
{
	const Listing *listing = data;
	Object object;
	ObjectStat stat;

	if (process_find(pid, listing->process, &object, &stat) == 0)
		listing->seen(listing->data, &object, &stat);
}

static int process_list(const void *context, const Object *directory, MemberSeen seen, void *data)
{
	Listing listing = {.seen = seen, .data = data};

	return procfs_each("/proc", list_one, &listing);
}

static int thread_list(const void *context, const Object *directory, MemberSeen seen, void *data)
{
	Listing listing = {.process = (pid_t)directory->id, .seen = seen, .data = data};
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/task", (int)directory->id);
	return procfs_each(path, list_one, &listing);
}

static int process_lookup(const void *context, const Object *directory, const char *name, Object *out)
{
	pid_t pid = procfs_parse(name);
	int pidfd;

	if (!pid)
		return -ENOENT;
	/* /proc has a directory for the number of a thread too; pidfd_open(2) accepts the numbers of processes only. */
	pidfd = pidfd_of(pid, false);
	if (pidfd >= 0)
		close(pidfd);
	if (pidfd < 0 || process_find(pid, 0, out, NULL) < 0)
		return pidfd == -ENFILE ? pidfd : -ENOENT;
	return 0;
}

static int thread_lookup(const void *context, const Object *directory, const char *name, Object *out)
{
	pid_t tid = procfs_parse(name);

	return tid && process_find(tid, (pid_t)directory->id, out, NULL) == 0 ? 0 : -ENOENT;
}

static int process_stat(const void *context, const Object *object, ObjectStat *out)
{
	Object current;
	ObjectStat stat;
	int result = process_find((pid_t)object->id, object->select, &current, &stat);

	if (result == 0 && current.part == object->part) {
		*out = stat;
	} else if (result == 0 || result == -ESRCH) {
		/* fstat(2) of a file that is still open, such as `exit`, works after the process has ended. */
		*out = stat_since((uint64_t)object->part, 0, 0);
		result = 0;
	}
	return result;
}

const DirOps signal_processes = {
	.lasting = true,
	.list = process_list,
	.lookup = process_lookup,
	.stat = process_stat,
	.private = true,
};

const DirOps signal_threads = {
	.lasting = true,
	.list = thread_list,
	.lookup = thread_lookup,
	.stat = process_stat,
	.private = true,
};

/* -- Attributes --------------------------------------------------------------------------------------------------------- */

typedef struct Snapshot {
	ProcessStat stat;
	char *status; /* /proc/PID/status */
	uint64_t pending, blocked, ignored, caught;
} Snapshot;

static int snapshot_load(const Object *object, void *out)
{
	Snapshot *snapshot = out;
	int directory = open_same(object, &snapshot->stat);
	char *status;

	if (directory < 0)
		return directory;
	status = procfs_read(directory, "status");
	close(directory);
	if (!status)
		return -ESRCH;
	snapshot->status = status;
	snapshot->pending = procfs_number(status, "SigPnd", 16);
	/* Signals that are pending for the whole process belong to no thread. */
	if (object->select <= 0)
		snapshot->pending |= procfs_number(status, "ShdPnd", 16);
	snapshot->blocked = procfs_number(status, "SigBlk", 16);
	snapshot->ignored = procfs_number(status, "SigIgn", 16);
	snapshot->caught = procfs_number(status, "SigCgt", 16);
	return 0;
}

static void snapshot_unload(void *data)
{
	Snapshot *snapshot = data;

	g_free(snapshot->status);
}

static void print_name(const void *value, GString *out)
{
	g_string_append_printf(out, "%s\n", (const char *)value);
}

static void print_state(const void *value, GString *out)
{
	g_string_append_printf(out, "%c\n", *(const char *)value);
}

static void print_mask(const void *value, GString *out)
{
	signal_print_mask(out, *(const uint64_t *)value, '\n');
}

/* `status` has other names and forms for most of these values: see status_show(). */
static const Attribute attributes[] = {
	{"name", NULL, print_name, offsetof(Snapshot, stat.name)},
	{"state", NULL, print_state, offsetof(Snapshot, stat.state)},
	{"ppid", "pid", attribute_print_int, offsetof(Snapshot, stat.parent)},
	{"pgid", "pid", attribute_print_int, offsetof(Snapshot, stat.group)},
	{"sid", "pid", attribute_print_int, offsetof(Snapshot, stat.session)},
	{"pending", "signals", print_mask, offsetof(Snapshot, pending)},
	{"blocked", "signals", print_mask, offsetof(Snapshot, blocked)},
	{"ignored", "signals", print_mask, offsetof(Snapshot, ignored)},
	{"caught", "signals", print_mask, offsetof(Snapshot, caught)},
	{0},
};

const AttributeSet signal_process_attributes = {
	.attributes = attributes,
	.size = sizeof(Snapshot),
	.load = snapshot_load,
	.unload = snapshot_unload,
};

/* -- status ------------------------------------------------------------------------------------------------------------- */

/* Copies a line of /proc/PID/status. */
static void status_field(GString *out, const char *status, const char *name)
{
	const char *value = procfs_field(status, name);

	text_label(out, name);
	if (value)
		g_string_append_len(out, value, strchrnul(value, '\n') - value);
	g_string_append_c(out, '\n');
}

static void status_number(GString *out, const char *name, pid_t value)
{
	text_label(out, name);
	text_number(out, value);
}

/* Prints a mask of /proc/PID/status as names. */
static void status_mask(GString *out, const char *status, const char *name)
{
	text_label(out, name);
	signal_print_mask(out, procfs_number(status, name, 16), ' ');
	if (out->str[out->len - 1] == ' ')
		out->str[out->len - 1] = '\n';
	else
		g_string_append_c(out, '\n');
}

/* Prints a line for each signal: its number, its disposition, and its description. */
static void status_signals(GString *out, const Snapshot *snapshot)
{
	for (int number = 1; number <= SIGNAL_LAST; number++) {
		char name[SIGNAL_NAME_MAX];

		if (number > SIGSYS && number < SIGNAL_RT_FIRST)
			continue;
		signal_name(number, name);
		text_label(out, name);
		g_string_append_printf(out, "%d %s%s%s, %s\n", number,
				       signal_in_mask(snapshot->ignored, number) ? "ignored" :
				       signal_in_mask(snapshot->caught, number)  ? "caught" :
										   "default",
				       signal_in_mask(snapshot->blocked, number) ? " blocked" : "",
				       signal_in_mask(snapshot->pending, number) ? " pending" : "",
				       signal_meaning(number));
	}
}

static int status_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	Snapshot snapshot = {0};
	int result = snapshot_load(object, &snapshot);
	const char *status = snapshot.status;

	if (result < 0)
		return result;
	status_field(out, status, "Name"); /* the kernel has escaped special characters here */
	status_field(out, status, "State");
	status_field(out, status, "Tgid");
	status_field(out, status, "Pid");
	status_number(out, "PPid", snapshot.stat.parent);
	status_number(out, "Pgid", snapshot.stat.group);
	status_number(out, "Sid", snapshot.stat.session);
	status_field(out, status, "Uid");
	status_field(out, status, "Gid");
	status_field(out, status, "SigQ");
	status_mask(out, status, "SigPnd");
	status_mask(out, status, "ShdPnd");
	status_mask(out, status, "SigBlk");
	status_mask(out, status, "SigIgn");
	status_mask(out, status, "SigCgt");
	status_signals(out, &snapshot);
	snapshot_unload(&snapshot);
	return 0;
}

const TextOps signal_process_status = {.show = status_show};
