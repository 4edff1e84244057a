/*
 * Functions that the sections of the benchmarks share. A call that fails unexpectedly ends the program with a message.
 * Nothing here is locked: one thread of a program calls these functions, except need().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	MESSAGE = 64, /* bytes of a message */
	SAMPLES_MAX = 64
};

/* -- Figures (measure.c) -------------------------------------------------------------------------------------------- */

typedef struct Samples {
	double values[SAMPLES_MAX];
	int n;
} Samples;

/* Seconds on the monotonic clock. */
double now(void);

void sample(Samples *samples, double value);
double median(Samples *samples);

/* Prints "  what   12.34 unit": the median of the samples times `scale`, and the smallest and largest sample. */
void print_figure(const char *what, Samples *samples, double scale, const char *unit);
void print_value(const char *what, double value, const char *unit);

/* Prints "  what   1.07 times (reach: 1.15)", and MISSED if the ratio is above the reach. A reach of 0: no limit. */
void print_ratio(const char *what, double ratio, double reach);

/* As print_ratio(), for a share that should be at least `reach`. */
void print_share(const char *what, double share, double reach);

/* Prints the kernel and the processors. */
void print_machine(void);

void heading(const char *text);

/* Unless `good`, prints `what` and errno, and exits with status 1. */
void need(bool good, const char *what);

/* -- Mounted file systems (mounted.c) --------------------------------------------------------------------------------- */

/* The process of a file system, and its mountpoint (owned). */
typedef struct Mounted {
	pid_t pid;
	char *mountpoint;
} Mounted;

void mounted_end(Mounted *mounted);

/* Restricts all present and later threads of a process to this processor; -1: removes the restriction. */
void pin(pid_t pid, int cpu);

/* VmRSS of a process in KiB. */
long resident(pid_t pid);

/*
 * Whether at least `requests` requests of the mount wait for a reply. True also if the kernel does not show the number.
 */
bool mounted_waiting(const Mounted *mounted, long requests);

/* Start the ipcfs under test, and the file system `nothing` (nothing.c) that it is compared with. */
double start_ipcfs(Mounted *mounted);
void start_nothing(Mounted *mounted);

extern struct Bench {
	const char *ipcfs_program, *nothing_program;
	char *folder; /* temporary, removed at the end */
	Mounted ipcfs;
} bench;

/* Removes the queue of this name, if it exists, and makes an empty one. Returns its id. */
int fresh_queue(const char *name);

/* The path of a file of a queue (NULL: of its directory). The caller owns it. */
char *queue_path(const char *name, const char *file);

/* Runs a command with its output to /dev/null. Returns the seconds. */
double time_command(const char *const *argv);

/* -- Sections -------------------------------------------------------------------------------------------------------- */

void bench_message(void);
void bench_bulk(void);
void bench_many(void);
void bench_blocked(void);
void bench_memory(void);
void bench_daemon(void);
