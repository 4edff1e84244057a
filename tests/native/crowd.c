/* Commands for many processes that block in one system call, and for one process: see native.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "native.h"

enum { LARGEST = 1 << 16, BLOCKED_MS = 5000 };

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The kernel kills the calling process when its parent ends, so that a killed `crowd` leaves no process behind. */
static void die_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void run_member(const char *path, Call call)
{
	static char buffer[LARGEST];
	int fd;

	die_with_parent();
	fd = open(path, call == READ ? O_RDONLY : call == WRITE ? O_WRONLY : O_RDWR);

	if (fd >= 0 && call == READ && read(fd, buffer, sizeof buffer) < 0)
		_exit(print_errno());
	if (fd >= 0 && call == WRITE && write(fd, "one of many", 11) < 0)
		_exit(print_errno());
	if (fd >= 0)
		_exit(0);
	_exit(print_errno());
}

static pid_t start_command(char **argv)
{
	pid_t pid = fork();

	if (pid == 0) {
		die_with_parent();
		execvp(argv[0], argv);
		_exit(print_errno());
	}
	return pid;
}

/*
 * Starts COUNT processes that each block in a read, a write or an open of PATH. When all of them are blocked, runs
 * COMMAND. Then kills them; all must be dead within LIMIT milliseconds, times IPCFS_TIME_FACTOR. A process that ended
 * before it was killed is a failure.
 */
static int crowd(int argc, char **argv)
{
	const int count = (int)parse_number(argv[0]), limit = limit_ms(parse_number(argv[3]));
	const Call call = call_of(argv[1]);
	pid_t *members = calloc(count, sizeof *members);
	int status, ended_early = 0, blocked = 0;
	long began;

	(void)argc;
	for (int i = 0; i < count; i++) {
		members[i] = fork();
		if (members[i] == 0)
			run_member(argv[2], call);
	}
	for (began = now_ms(); blocked < count && now_ms() - began < limit_ms(BLOCKED_MS); usleep(10000))
		while (blocked < count && process_in(members[blocked], call))
			blocked++;
	if (blocked == count)
		waitpid(start_command(argv + 4), &status, 0);
	began = now_ms();
	for (int i = 0; i < count; i++)
		kill(members[i], SIGKILL);
	for (int i = 0; i < count; i++) {
		int end;

		waitpid(members[i], &end, 0);
		ended_early += !WIFSIGNALED(end);
	}
	free(members);
	if (blocked < count || ended_early || now_ms() - began > limit) {
		fprintf(stderr, "%d of %d processes blocked, %d of them ended early, killing them took %ld ms\n",
			blocked, count, ended_early, now_ms() - began);
		return 1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int is_in(int argc, char **argv)
{
	(void)argc;
	return !process_in((pid_t)parse_number(argv[1]), call_of(argv[0]));
}

const Command crowd_commands[] = {
	{"crowd", "COUNT read|write|open PATH LIMIT COMMAND...: runs COMMAND while COUNT processes block", 5, -1,
	 crowd},
	{"is-in", "read|write|open PID: exits with 0 if the process is in that system call", 2, 2, is_in},
	{0},
};
