/*
 * The process groups in signal/group/.
 *
 * kill(2) with a negative number is never used to send: it signals whatever group has that number at that moment, and -1 means
 * all processes.
 *
 * If the leader of a group is alive when the file is opened, the daemon holds the group by a pidfd of the leader. The pidfd
 * refers to the group even after the leader has ended, and pidfd_send_signal(2) signals the whole group in one step (Linux 6.9).
 * That step checks permissions once for all members, so it is used where every member has the same check. Otherwise, and if the
 * leader had ended before the open, each member gets the signal by a pidfd of its own.
 *
 * fs/ calls the tables; send.c calls the functions of group.h. There are no locks.
 */
#include "backends/signal/group.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "backends/core/procfs.h"
#include "backends/signal/object.h"

enum { PASSES_MAX = 16 }; /* a group can fork new members in each pass */

typedef struct Search {
	pid_t group;
	GArray *pids; /* pid_t */
} Search;

static void add_member(void *data, pid_t pid)
{
	Search *search = data;
	ProcessStat stat;

	if (procfs_stat_of(pid, 0, &stat) == 0 && stat.group == search->group)
		g_array_append_val(search->pids, pid);
}

/* Returns the processes of a group, an array of pid_t. */
static GArray *find_members(pid_t group)
{
	Search search = {.group = group, .pids = g_array_new(FALSE, FALSE, sizeof(pid_t))};

	procfs_each("/proc", add_member, &search);
	return search.pids;
}

/* Whether the group has a member. The signal 0 only asks. Group 1 is left out, because kill(-1) means all processes. */
static bool group_exists(pid_t group)
{
	return group > 1 && (kill(-group, 0) == 0 || errno == EPERM);
}

/* Sets *start to the start time of the group's leader, or to 0 if the leader has ended. -ESRCH: the group has no member. */
static int find_leader_start(pid_t group, uint64_t *start)
{
	ProcessStat stat;

	*start = 0;
	/* A process that has this number and is in another group has left this group, or never led it. */
	if (procfs_stat_of(group, 0, &stat) == 0 && stat.group == group) {
		*start = stat.start;
		return 0;
	}
	return group_exists(group) ? 0 : -ESRCH;
}

/* -- Sending ------------------------------------------------------------------------------------------------------------ */

int signal_group_pidfd(const Object *object)
{
	uint64_t start;
	int pidfd = object->part ? pidfd_of((pid_t)object->id, false) : 0;
	int result = find_leader_start((pid_t)object->id, &start);

	if (pidfd == -ESRCH)
		pidfd = 0;
	if (pidfd < 0)
		return pidfd;
	/* The leader can have ended since the look-up. A leader with another start time leads a later group. */
	if (result == 0 && (start ? (int64_t)start != object->part : pidfd > 0))
		result = -ESRCH;
	if (result < 0 && pidfd > 0)
		close(pidfd);
	return result < 0 ? result : pidfd;
}

/* Signals one process if it is still a member. */
static int send_to_member(const Sender *sender, pid_t group, pid_t pid, int number, int value)
{
	const Target target = {.pidfd = pidfd_of(pid, false), .process = pid};
	int result = -ESRCH;

	if (target.pidfd < 0)
		return target.pidfd;
	if (getpgid(pid) == group)
		result = sender_send(sender, &target, number, value);
	close(target.pidfd);
	return result;
}

static bool contains(const GArray *pids, pid_t pid)
{
	for (guint i = 0; i < pids->len; i++)
		if (g_array_index(pids, pid_t, i) == pid)
			return true;
	return false;
}

/* Signals each member once. Returns 0 if at least one received the signal, as kill(2) does. */
static int send_to_each(const Sender *sender, pid_t group, int number, int value)
{
	g_autoptr(GArray) handled = g_array_new(FALSE, FALSE, sizeof(pid_t));
	int result = -ESRCH;

	for (int pass = 0; pass < PASSES_MAX; pass++) {
		g_autoptr(GArray) members = find_members(group);
		bool any_new = false;

		for (guint i = 0; i < members->len; i++) {
			pid_t pid = g_array_index(members, pid_t, i);
			int member_result;

			if (contains(handled, pid))
				continue;
			member_result = send_to_member(sender, group, pid, number, value);
			if (result != 0 && member_result != -ESRCH)
				result = member_result;
			g_array_append_val(handled, pid);
			any_new = true;
		}
		if (!any_new)
			break;
	}
	return result;
}

/*
 * Whether one check is valid for all members. One step has only one uid of the sender, and does not know the sender's session,
 * which SIGCONT depends on. If the daemon is a member, the step would signal it with the daemon's own rights.
 */
static bool can_send_in_one_step(const Sender *sender, pid_t group, int number)
{
	if (sender->cap_kill)
		return true;
	return sender->real == sender->effective && number != SIGCONT && getpgrp() != group;
}

int signal_group_send(const Sender *sender, const Object *object, int pidfd, int number, int value)
{
	const pid_t group = (pid_t)object->id;
	uint64_t start;
	int result;

	if (pidfd > 0 && can_send_in_one_step(sender, group, number)) {
		const Target target = {.pidfd = pidfd, .flags = TARGET_GROUP};

		result = sender_send(sender, &target, number, value);
		if (result != -EINVAL) /* before Linux 6.9 */
			return result;
	}
	result = find_leader_start(group, &start);
	/* A leader with another start time leads a later group with the same number. */
	if (result == 0 && start && (int64_t)start != object->part)
		result = -ESRCH;
	return result < 0 ? result : send_to_each(sender, group, number, value);
}

/* -- DirOps ------------------------------------------------------------------------------------------------------------- */

static int group_find(pid_t group, Object *out)
{
	uint64_t start;

	if (find_leader_start(group, &start) < 0)
		return -ENOENT;
	*out = (Object){.id = group, .part = (int64_t)start, .select = SIGNAL_GROUP};
	snprintf(out->name, sizeof out->name, "%d", (int)group);
	return 0;
}

static void add_group(void *data, pid_t pid)
{
	GHashTable *groups = data;
	ProcessStat stat;

	/* The kernel's threads are in group 0, which has no number to send a signal to. */
	if (procfs_stat_of(pid, 0, &stat) == 0 && stat.group > 0)
		g_hash_table_add(groups, GINT_TO_POINTER(stat.group));
}

static int group_list(const void *context, const Object *directory, MemberSeen seen, void *data)
{
	g_autoptr(GHashTable) groups = g_hash_table_new(NULL, NULL);
	int result = procfs_each("/proc", add_group, groups);
	GHashTableIter iter;
	gpointer group;

	g_hash_table_iter_init(&iter, groups);
	while (g_hash_table_iter_next(&iter, &group, NULL)) {
		Object object;

		if (group_find(GPOINTER_TO_INT(group), &object) == 0)
			seen(data, &object, NULL);
	}
	return result;
}

static int group_lookup(const void *context, const Object *directory, const char *name, Object *out)
{
	pid_t group = procfs_parse(name);

	return group ? group_find(group, out) : -ENOENT;
}

static int group_stat(const void *context, const Object *object, ObjectStat *out)
{
	uint64_t start;
	time_t began;

	/* A file of a group that has ended can still be open, so -ESRCH is ignored. */
	find_leader_start((pid_t)object->id, &start);
	began = start ? procfs_began(start) : time(NULL);
	*out = (ObjectStat){.mode = 0666, .atime = began, .mtime = began, .ctime = began};
	return 0;
}

const DirOps signal_groups = {
	.lasting = true,
	.list = group_list,
	.lookup = group_lookup,
	.stat = group_stat,
	.private = true,
};

/* -- Attributes --------------------------------------------------------------------------------------------------------- */

typedef struct Snapshot {
	pid_t group, leader, session;
	GArray *members; /* pid_t */
} Snapshot;

static int snapshot_load(const Object *object, void *out)
{
	Snapshot *snapshot = out;
	const pid_t group = (pid_t)object->id;
	ProcessStat stat = {0};
	uint64_t start;
	int result = find_leader_start(group, &start);

	if (result < 0)
		return result;
	snapshot->group = group;
	snapshot->leader = start ? group : 0;
	snapshot->members = find_members(group);
	/* All members of a group are in one session. */
	for (guint i = 0; i < snapshot->members->len && !stat.session; i++)
		procfs_stat_of(g_array_index(snapshot->members, pid_t, i), 0, &stat);
	snapshot->session = stat.session;
	return 0;
}

static void snapshot_unload(void *data)
{
	Snapshot *snapshot = data;

	g_array_unref(snapshot->members);
}

static void print_members(const void *value, GString *out)
{
	const GArray *members = *(GArray *const *)value;

	for (guint i = 0; i < members->len; i++)
		g_string_append_printf(out, "%d\n", (int)g_array_index(members, pid_t, i));
}

/* Prints the members on one line. */
static void print_member_line(const void *value, GString *out)
{
	const GArray *members = *(GArray *const *)value;

	for (guint i = 0; i < members->len; i++)
		g_string_append_printf(out, "%s%d", i ? " " : "", (int)g_array_index(members, pid_t, i));
	g_string_append_c(out, '\n');
}

static const Attribute attributes[] = {
	{"pgid", "pid", attribute_print_int, offsetof(Snapshot, group)},
	{"leader", "pid", attribute_print_int, offsetof(Snapshot, leader)},
	{"sid", "pid", attribute_print_int, offsetof(Snapshot, session)},
	{"members", "pids", print_members, offsetof(Snapshot, members), .file_only = true},
	{"members", "pids", print_member_line, offsetof(Snapshot, members)}, /* in status */
	{0},
};

const AttributeSet signal_group_attributes = {
	.attributes = attributes,
	.size = sizeof(Snapshot),
	.load = snapshot_load,
	.unload = snapshot_unload,
};
