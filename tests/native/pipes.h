/*
 * Functions that the parts of the program `pipes` share: system calls on descriptors, whose results are printed on one
 * line. outcomes.c defines them.
 */
#pragma once

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { PAGE = 4096, ROOM = 65536, BIG = 200000 };

extern const char *directory; /* the directory of the pipes and FIFOs; NULL: none */
extern char path[PATH_MAX];   /* of the current pipe or FIFO */
extern char buffer[1 << 20];

/* A signal handler. do_read() and do_write() print the number of SIGPIPE signals since the last result. */
void count_signal(int signal);
/* Returns a result that is not negative; otherwise prints a message with errno and exits with status 2. */
int must(int result, const char *what);
void set_nonblocking(int fd, bool on);
void do_read(int fd, size_t size);
void do_write(int fd, size_t size);
void do_poll(int fd, short events, int timeout);
void wait_until_asleep(pid_t pid);
/* fork(2), after a flush of stdout. The child ends with exit_child(). */
pid_t fork_child(void);
void __attribute__((noreturn)) exit_child(int status);
/* Waits for the child, and prints the signal or the status with which it ended, if not 0. */
void reap(pid_t pid);
/* SIGALRM every `ms`; 0: none. */
void set_timer(int ms);

/* A case of the table of ends: its name, and a function that gets the ends to read and to write. */
typedef struct PipeCase {
	const char *name;
	void (*run)(int r, int w);
} PipeCase;

extern const PipeCase pipe_cases[]; /* pipe_cases.c; the last one has no name */

/* fifos.c; both return the exit status */
int print_fifo_table(void);
int opening_status(const char *pid);
