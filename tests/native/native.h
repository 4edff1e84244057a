/*
 * native: the other side of the tests in tests/mount/. It makes the native IPC calls and plain file calls, one command a
 * run, and shares no code with ipcfs.
 *
 * A call that fails prints the name of its errno to stderr (`EACCES`) and ends the program with 1; wrong usage ends it
 * with 2.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

typedef struct Command {
	const char *name, *usage;
	int min, max; /* how many arguments; max -1: any number */
	int (*run)(int argc, char **argv);
} Command;

/* The last one has no name. */
extern const Command msg_commands[], mq_commands[], file_commands[], crowd_commands[];

/* Prints the name of the errno and returns 1. */
int refused(void);

/* Ends the program with 2. */
void __attribute__((noreturn, format(printf, 1, 2))) misused(const char *format, ...);

long number(const char *text);

/* Writes all of it to stdout, or ends the program. */
void put(const char *bytes, size_t length);

/* Reads stdin to its end; *length bytes, the caller's to free. */
char *whole_stdin(size_t *length);

/* Which of a command's ways of waiting a word names. */
typedef enum Way { READ, WRITE, OPEN } Way;

Way way_of(const char *word);

/* Whether a process is in the system call read(2), write(2) or open(2) now. */
int process_in(pid_t pid, Way way);
