/*
 * Inboxes: processes that receive signals for the readers of inbox/NAME/lines.
 *
 * Ownership: the Entry of an inbox owns the Inbox. rmdir kills the process at once. The descriptors are closed with the last
 * open file.
 */
#pragma once

#include "backends/common/attributes.h"
#include "backends/common/registry.h"

typedef struct Inbox {
	pid_t pid;
	uid_t uid;
	gid_t gid;
	int pidfd;
	int pipe; /* O_NONBLOCK; the process writes a struct signalfd_siginfo for each signal */
} Inbox;

extern Registry inbox_table;
extern const DirOps inbox_members;
extern const AttributeSet inbox_attributes;

/* Returns a pidfd of the inbox's process, which the caller closes, or a negative errno. */
int inbox_pidfd(const Object *object);
