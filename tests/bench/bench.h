/* What the sections of the benchmark share. Everything that should not fail ends the program when it does. */
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

/* Seconds, from any start. */
double now(void);

void sample(Samples *samples, double value);
double median(Samples *samples);

/* "  what   12.34 unit": the median, with the least and the greatest beside it. */
void print_figure(const char *what, Samples *samples, double scale, const char *unit);
void print_value(const char *what, double value, const char *unit);

/* "  what   1.07   reach <= 1.15"; a reach of 0 is none. */
void print_ratio(const char *what, double ratio, double reach);

/* The same of what is better the more it is: "reach: at least 1.00". */
void print_share(const char *what, double share, double reach);

/* The kernel and the processors. */
void print_machine(void);

void heading(const char *text);

/* Ends the program with `what` and errno unless `good`. */
void need(bool good, const char *what);

/* -- What is measured (mounted.c) ------------------------------------------------------------------------------------ */

/* A file system's process and where it is mounted. */
typedef struct Mounted {
	pid_t pid;
	char *at;
} Mounted;

/* Starts `argv` with the mountpoint behind its last word, and waits until `file` is there. Returns the seconds it took. */
double mounted_start(Mounted *mounted, const char *const *argv, const char *file);
void mounted_end(Mounted *mounted);

/* Runs all threads of a process, and those to come, on this processor only; -1: on any. */
void pin(pid_t pid, int cpu);

/* VmRSS of a process in KiB. */
long resident(pid_t pid);

/* Whether so many requests of the mount wait for an answer, or this cannot be known. */
bool mounted_waiting(const Mounted *mounted, long requests);

/* The ipcfs under test, and the file system that it is compared with. */
double start_ipcfs(Mounted *mounted);
void start_nothing(Mounted *mounted);

extern struct Bench {
	const char *ipcfs_program, *nothing_program;
	char *folder; /* of our own */
	Mounted ipcfs;
} bench;

/* An empty queue of this name, made anew. Returns its id. */
int fresh_queue(const char *name);

/* The path of a file of a queue (NULL: of its directory). Owned by the caller. */
char *queue_path(const char *name, const char *file);

/* Seconds that a command takes, its output thrown away. */
double time_command(const char *const *argv);

/* -- Sections -------------------------------------------------------------------------------------------------------- */

void bench_message(void);
void bench_bulk(void);
void bench_many(void);
void bench_blocked(void);
void bench_memory(void);
void bench_daemon(void);
