/*
 * Process groups. kill(2) with a negative number is never used: it names whatever has that number at that moment, and -1
 * means everybody.
 *
 * A group whose leader is alive when the file is opened is held by the leader's pidfd, which keeps meaning the group even
 * when the leader has ended; pidfd_send_signal(2) signals all of it in one step (Linux 6.9). That step has one verdict
 * for all, so it is for senders whose verdict is one; otherwise, and where the leader has ended before, each member gets
 * a signal by a pidfd of its own.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "backends/core/procfs.h"
#include "backends/signal/tree.h"
#include "backends/signal/sender.h"
#include "backends/core/text.h"
#include "backends/core/refusal.h"

enum { PASSES_MAX = 16 }; /* over a group that forks while it is signalled */

typedef struct Search {
	pid_t group;
	GArray *pids; /* pid_t */
} Search;

static void see_member(void *data, pid_t pid)
{
	Search *search = data;
	ProcessStat stat;

	if (procfs_stat_of(pid, 0, &stat) == 0 && stat.group == search->group)
		g_array_append_val(search->pids, pid);
}

GArray *signal_group_members(pid_t group)
{
	Search search = {.group = group, .pids = g_array_new(FALSE, FALSE, sizeof(pid_t))};

	procfs_each("/proc", see_member, &search);
	return search.pids;
}

/* Whether anybody is in this group. */
static bool group_exists(pid_t group)
{
	/* A question: no signal. Group 1 is not asked about, -1 would be everybody. */
	return group > 1 && (kill(-group, 0) == 0 || errno == EPERM);
}

int signal_group_start(pid_t group, uint64_t *start)
{
	ProcessStat stat;

	*start = 0;
	if (procfs_stat_of(group, 0, &stat) == 0) {
		if (stat.group == group) {
			*start = stat.start;
			return 0;
		}
		/* The number is a process's that has left its group or never led one. */
	}
	return group_exists(group) ? 0 : -ESRCH;
}

/* -- Sending -------------------------------------------------------------------------------------------------------- */

/* Signals one member that is still in the group. */
static int send_to_member(const Sender *sender, pid_t group, pid_t pid, int number, int value)
{
	const Target target = {.pidfd = pidfd_of(pid, false), .process = pid};
	int result = -ESRCH;

	if (target.pidfd < 0)
		return target.pidfd;
	if (getpgid(pid) == group)
		result = sender_signal(sender, &target, number, value);
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

/* As kill(2): 0 if any of them got it. */
static int send_to_each(const Sender *sender, pid_t group, int number, int value)
{
	g_autoptr(GArray) told = g_array_new(FALSE, FALSE, sizeof(pid_t));
	int result = -ESRCH;

	for (int pass = 0; pass < PASSES_MAX; pass++) {
		g_autoptr(GArray) members = signal_group_members(group);
		bool fresh = false;

		for (guint i = 0; i < members->len; i++) {
			pid_t pid = g_array_index(members, pid_t, i);
			int one;

			if (contains(told, pid))
				continue;
			one = send_to_member(sender, group, pid, number, value);
			if (result != 0 && one != -ESRCH)
				result = one;
			g_array_append_val(told, pid);
			fresh = true;
		}
		if (!fresh)
			break;
	}
	return result;
}

/* The daemon in the group would take any signal, as from itself; and one step has one uid and no session. */
static bool one_verdict(const Sender *sender, pid_t group, int number)
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

	if (pidfd >= 0 && one_verdict(sender, group, number)) {
		const Target target = {.pidfd = pidfd, .flags = TARGET_GROUP};

		result = sender_signal(sender, &target, number, value);
		if (result != -EINVAL) /* before Linux 6.9 */
			return result;
	}
	/* A leader with another start, or one at all where there was none: a new group with the old number. */
	result = signal_group_start(group, &start);
	if (result == 0 && start && (int64_t)start != object->part)
		result = -ESRCH;
	return result < 0 ? result : send_to_each(sender, group, number, value);
}

/* -- DirOps -------------------------------------------------------------------------------------------------------- */

static int find(pid_t group, Object *out)
{
	uint64_t start;

	if (signal_group_start(group, &start) < 0)
		return -ENOENT;
	*out = (Object){.id = group, .part = (int64_t)start, .select = SIGNAL_GROUP};
	snprintf(out->name, sizeof out->name, "%d", (int)group);
	return 0;
}

static void see_group(void *data, pid_t pid)
{
	GHashTable *groups = data;
	ProcessStat stat;

	/* Group 0 is that of the kernel's threads, which has no number to signal it by. */
	if (procfs_stat_of(pid, 0, &stat) == 0 && stat.group > 0)
		g_hash_table_add(groups, GINT_TO_POINTER(stat.group));
}

static int group_list(const void *context, const Object *at, MemberSeen seen, void *data)
{
	g_autoptr(GHashTable) groups = g_hash_table_new(NULL, NULL);
	int result = procfs_each("/proc", see_group, groups);
	GHashTableIter iter;
	gpointer group;

	g_hash_table_iter_init(&iter, groups);
	while (g_hash_table_iter_next(&iter, &group, NULL)) {
		Object object;

		if (find(GPOINTER_TO_INT(group), &object) == 0)
			seen(data, &object, NULL);
	}
	return result;
}

static int group_lookup(const void *context, const Object *at, const char *name, Object *out)
{
	pid_t group = procfs_parse(name);

	return group ? find(group, out) : -ENOENT;
}

static int group_stat(const void *context, const Object *object, ObjectStat *out)
{
	uint64_t start;
	time_t began;

	/* Files of a group that has ended may still be open. */
	signal_group_start((pid_t)object->id, &start);
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

/* -- Text files ----------------------------------------------------------------------------------------------------- */

static void print_members(GString *out, const GArray *members, char after)
{
	for (guint i = 0; i < members->len; i++)
		g_string_append_printf(out, "%d%c", (int)g_array_index(members, pid_t, i), after);
}

static int show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	const pid_t group = (pid_t)object->id;
	g_autoptr(GArray) members = signal_group_members(group);
	ProcessStat stat = {0};
	uint64_t start = 0;
	int result = signal_group_start(group, &start);

	if (result < 0)
		return result;
	/* All of a group are in one session. */
	for (guint i = 0; i < members->len && !stat.session; i++)
		procfs_stat_of(g_array_index(members, pid_t, i), 0, &stat);
	switch (desc->which) {
	case SHOW_STATUS:
		text_label(out, "Pgid");
		text_number(out, group);
		text_label(out, "Leader");
		text_number(out, start ? group : 0);
		text_label(out, "Sid");
		text_number(out, stat.session);
		text_label(out, "Members");
		print_members(out, members, ' ');
		if (members->len)
			g_string_truncate(out, out->len - 1);
		g_string_append_c(out, '\n');
		break;
	case SHOW_PGID:
		text_number(out, group);
		break;
	case SHOW_LEADER:
		text_number(out, start ? group : 0);
		break;
	case SHOW_SID:
		text_number(out, stat.session);
		break;
	case SHOW_MEMBERS:
		print_members(out, members, '\n');
		break;
	}
	return 0;
}

const TextOps signal_group_text = {.show = show, .slow = true};
