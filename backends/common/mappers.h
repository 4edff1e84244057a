/* The processes that have memory mapped. The functions read /proc/PID/maps of all processes, which is slow. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <glib.h>

/* How a mapping of the memory shows in /proc/PID/maps. */
typedef struct Mapped {
	const char *prefix;    /* of its path there; NULL: any */
	bool own_ipc;          /* the inode counts in our IPC namespace only */
	dev_t device;          /* 0: any */
	uint64_t inode;        /* with the above: mapped natively */
	uint64_t passed_inode; /* with this alone: mapped through the tree */
} Mapped;

/*
 * Prints the pids of the processes that have mapped it, a line each, and returns their number; our own process does not
 * count. `out` may be NULL: then it stops at the first. `all`: those of every user, else only those whose uid is `uid`.
 */
int mappers_print(const Mapped *mapped, bool all, uid_t uid, GString *out);
