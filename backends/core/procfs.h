/*
 * Reading /proc. An open directory of /proc refers to one process or thread, even if a later process has the same number: after
 * the process has ended, reads through the directory fail with ESRCH.
 *
 * signal/ and the functions that look for a caller's ids, limits and mappings call these functions, on any thread. There are no
 * locks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <glib.h>

typedef struct ProcessStat {
	char name[64]; /* comm; that of a kernel thread can be longer than 15 bytes */
	char state;    /* R, S, D, Z, T, … */
	pid_t parent, group, session;
	uint64_t start; /* ticks since boot */
} ProcessStat;

/* Opens the directory of process `pid`, or of its thread `tid` if that is not 0. Returns a descriptor, -ESRCH or -ENFILE. */
int procfs_open(pid_t pid, pid_t tid);

/* Returns the content of a file in such a directory, which the caller frees; NULL: the process has ended. */
char *procfs_read(int directory, const char *file);

/* Fills *out. Returns 0 or -ESRCH. */
int procfs_stat(int directory, ProcessStat *out);

/* procfs_open() and procfs_stat() in one. */
int procfs_stat_of(pid_t pid, pid_t tid, ProcessStat *out);

/* Returns the value in a line of /proc/PID/status: a pointer into `status`. It ends with the newline. NULL: there is no such line. */
const char *procfs_field(const char *status, const char *name);

/* Returns the number in such a line, in the given base; 0 if there is no such line. */
uint64_t procfs_number(const char *status, const char *name, int base);

/*
 * Reads a soft limit (getrlimit(2)) of process or thread `pid`. `label` is its name in /proc/PID/limits. UINT64_MAX: no limit.
 * Returns false if there is no such process, if its effective uid is not `uid`, or if `pid` is 0.
 */
bool procfs_limit(pid_t pid, uid_t uid, const char *label, uint64_t *out);

/* Whether the process of an open directory is in the daemon's namespace of this kind ("pid", "user"). */
bool procfs_shares_namespace(int directory, const char *kind);

/* Calls `each` for each number in /proc, or in the `task` directory of a process. Returns 0 or a negative errno. */
int procfs_each(const char *path, void (*each)(void *data, pid_t pid), void *data);

/* Parses a name in /proc: a decimal number of 1 or more without leading zeros. Returns 0 for another name. */
pid_t procfs_parse(const char *name);

/* Converts ProcessStat.start to seconds since the Epoch. */
time_t procfs_began(uint64_t start);
