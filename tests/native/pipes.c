/*
 * pipes: prints a table of the behaviour of the two ends of a pipe, for a pipe(2), a FIFO or a pipe of ipcfs. The tests
 * compare the tables line by line. Every case makes a new pipe, and most cases fork.
 *
 *	pipes ends native		pipe(2)
 *	pipes ends fifo DIRECTORY	FIFOs made in DIRECTORY
 *	pipes ends pipe DIRECTORY	pipes of ipcfs, made in DIRECTORY by mkdir
 *	pipes fifo DIRECTORY		a second table, of opening and renaming FIFOs (fifos.c)
 *	pipes is-opening PID		exits with 0 if the process is in open(2)
 */
#include "pipes.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum { NATIVE, FIFO, PIPE } kind;

/* -- One pipe ------------------------------------------------------------------------------------------------------- */

static void open_pair(int pair[2])
{
	static int number;
	char file[PATH_MAX + 8];

	snprintf(path, sizeof path, "%s/table-%d-%d", directory ? directory : "", (int)getpid(), ++number);
	if (kind == NATIVE) {
		must(pipe(pair), "pipe");
	} else if (kind == FIFO) {
		must(mkfifo(path, 0600), "mkfifo");
		pair[0] = must(open(path, O_RDONLY | O_NONBLOCK), "open");
		pair[1] = must(open(path, O_WRONLY), "open");
		must(fcntl(pair[0], F_SETFL, 0), "fcntl");
	} else {
		must(mkdir(path, 0700), "mkdir");
		snprintf(file, sizeof file, "%s/read", path);
		pair[0] = must(open(file, O_RDONLY), "open");
		snprintf(file, sizeof file, "%s/write", path);
		pair[1] = must(open(file, O_WRONLY), "open");
	}
}

static void close_pair(int pair[2])
{
	close(pair[0]);
	close(pair[1]);
	if (kind == FIFO)
		must(unlink(path), "unlink");
	else if (kind == PIPE)
		must(rmdir(path), "rmdir");
}

/* -- The table ------------------------------------------------------------------------------------------------------ */

static int print_table(void)
{
	for (const PipeCase *pipe_case = pipe_cases; pipe_case->name; pipe_case++) {
		int pair[2];

		open_pair(pair);
		printf("%s:", pipe_case->name);
		pipe_case->run(pair[0], pair[1]);
		putchar('\n');
		close_pair(pair);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = count_signal};

	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	sigaction(SIGPIPE, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	umask(0);
	directory = argc > 2 ? argv[argc - 1] : NULL;
	if (argc == 3 && strcmp(argv[1], "ends") == 0 && strcmp(argv[2], "native") == 0)
		return print_table();
	kind = argc == 4 && strcmp(argv[2], "pipe") == 0 ? PIPE : FIFO;
	if (argc == 4 && strcmp(argv[1], "ends") == 0)
		return print_table();
	if (argc == 3 && strcmp(argv[1], "fifo") == 0)
		return print_fifo_table();
	if (argc == 3 && strcmp(argv[1], "is-opening") == 0)
		return opening_status(argv[2]);
	fputs("usage: pipes ends native | pipes ends pipe|fifo DIRECTORY | pipes fifo DIRECTORY | pipes is-opening PID\n",
	      stderr);
	return 2;
}
