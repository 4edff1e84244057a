/*
 * signal/: processes, process groups and inboxes. See docs/ipcfs-signal.7.
 *
 * An Object is a process, a thread or a group as it was when its name was looked up: `id` is its number, and `part` when
 * it (of a group: its leader) started, so that it never comes to mean another one that has taken over the number.
 */
#pragma once

#include "backends/core/backend.h"

extern const FileDesc signal_desc;

/* -- Between the files of signal/ ---------------------------------------------------------------------------------- */

/* Object.select: what the object is. Above 0: a thread, of the process with this number. */
enum { SIGNAL_PROCESS = 0, SIGNAL_GROUP = -1, SIGNAL_INBOX = -2 };

/* The row's `which` of a file that takes signals by name; of one signal's own file it is the signal's number. */
enum { SIGNAL_BY_NAME = 0 };

extern const StreamOps signal_send, signal_exit, signal_inbox_lines;
extern const DirOps signal_processes, signal_threads, signal_groups, signal_inboxes;
extern const TextOps signal_text, signal_group_text, signal_inbox_text;

/* What the text files show: the row's `which`. */
enum {
	SHOW_STATUS,
	SHOW_NAME,
	SHOW_STATE,
	SHOW_PPID,
	SHOW_PGID,
	SHOW_SID,
	SHOW_PENDING,
	SHOW_BLOCKED,
	SHOW_IGNORED,
	SHOW_CAUGHT,
	SHOW_LEADER,
	SHOW_MEMBERS,
	SHOW_PID,
	SHOW_UID,
	SHOW_GID,
};

/* Opens the directory in /proc of a process or thread that is still the one it was. -ESRCH: it is not. */
int signal_directory(const Object *object);

/* When the leader of a group started; 0: it has ended, and others are left. -ESRCH: there is no such group. */
int signal_group_start(pid_t group, uint64_t *start);

/* The processes of a group: an array of pid_t. */
GArray *signal_group_members(pid_t group);

/* What a group's open `send` needs of the sender; see signal_group.c. `pidfd` is -1 where the leader has ended. */
struct Sender;
int signal_group_send(const struct Sender *sender, const Object *group, int pidfd, int number, int value);

/* A pidfd of the inbox's process, the caller's to close; or a negative errno. */
int signal_inbox_pidfd(const Object *object);
