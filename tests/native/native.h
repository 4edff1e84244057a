/*
 * native: makes native IPC calls and plain file calls for the tests in tests/mount/, one command per run. The program
 * shares no code with ipcfs, so that the tests compare ipcfs with the kernel.
 *
 * If a call fails, the program prints the name of the errno (`EACCES`) to stderr and exits with status 1. After wrong
 * usage it exits with status 2. Each file of commands defines one table; main() in native.c searches all tables.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

typedef struct Command {
	const char *name, *usage;
	int min, max; /* number of arguments; max -1: no limit */
	int (*run)(int argc, char **argv);
} Command;

/* An entry without a name ends each table. */
extern const Command msg_commands[], mq_commands[], file_commands[], crowd_commands[];

/* Prints the name of the errno to stderr and returns 1, the exit status. */
int print_errno(void);

/* Prints the message to stderr and exits with status 2. */
void __attribute__((noreturn, format(printf, 1, 2))) usage_error(const char *format, ...);

/* Accepts decimal, octal (0) and hexadecimal (0x) numbers; exits with status 2 on any other text. */
long parse_number(const char *text);

/* A limit in time, given for an idle machine, multiplied by IPCFS_TIME_FACTOR (4 by default). */
int limit_ms(long idle);

/* Writes all bytes to stdout, or exits with status 1. */
void print_bytes(const char *bytes, size_t length);

/* Reads stdin up to end of file. Returns *length bytes; the caller frees them. */
char *read_stdin(size_t *length);

/* The system calls in which a command can block. */
typedef enum Call { READ, WRITE, OPEN } Call;

/* The call with the name `read`, `write` or `open`; exits with status 2 on any other word. */
Call call_of(const char *word);

/* Whether the process is in this system call now. */
int process_in(pid_t pid, Call call);
