/*
 * Reading /proc. A directory of it that is open stands for one process (or thread), whoever takes over its number: what is
 * read through it after that process has ended fails with ESRCH.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <glib.h>

typedef struct ProcessStat {
	char name[64]; /* comm; a kernel thread's may be longer than 15 bytes */
	char state;    /* R, S, D, Z, T, … */
	pid_t parent, group, session;
	uint64_t start; /* ticks since boot */
} ProcessStat;

/* Opens the directory of process `pid`, or of its thread `tid` if that is not 0. A descriptor, or -ESRCH, -ENFILE. */
int procfs_open(pid_t pid, pid_t tid);

/* The whole of a file in such a directory, the caller's to free; NULL: the process has ended. */
char *procfs_read(int directory, const char *file);

/* 0 or -ESRCH. */
int procfs_stat(int directory, ProcessStat *out);

/* procfs_open() and procfs_stat() in one. */
int procfs_stat_of(pid_t pid, pid_t tid, ProcessStat *out);

/* The value of a line of /proc/PID/status, up to its newline: points into `status`. NULL: there is no such line. */
const char *procfs_field(const char *status, const char *name);

/* A number of such a line: decimal, or as base says. 0 if there is none. */
uint64_t procfs_number(const char *status, const char *name, int base);

/*
 * A soft limit (getrlimit(2)) of process or thread `pid`, which has to be of this effective user, by the words for it in
 * /proc/PID/limits; UINT64_MAX: none. False if there is no such process (any more), or `pid` is 0.
 */
bool procfs_limit(pid_t pid, uid_t uid, const char *label, uint64_t *out);

/* Whether `thread` is in the same namespace of a kind ("pid", "user") as this process. */
bool procfs_shares_namespace(int directory, const char *kind);

/* Calls `each` for the numbers in a directory of numbers: /proc, or a process's `task`. 0 or a negative errno. */
int procfs_each(const char *path, void (*each)(void *data, pid_t pid), void *data);

/* A number as a name in /proc: decimal, 1 or more, no leading zero. 0: it is none. */
pid_t procfs_parse(const char *name);

/* When a process with this start began, in seconds since the Epoch. */
time_t procfs_began(uint64_t start);
