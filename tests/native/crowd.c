/* Many processes that wait in one place. */
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

enum { LARGEST = 1 << 16, BLOCKED_MS = 20000 };

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Nobody outlives a crowd that was killed. */
static void bind_life(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void member(const char *path, Way way)
{
	static char buffer[LARGEST];
	int fd;

	bind_life();
	fd = open(path, way == READ ? O_RDONLY : way == WRITE ? O_WRONLY : O_RDWR);

	if (fd >= 0 && way == READ && read(fd, buffer, sizeof buffer) < 0)
		_exit(refused());
	if (fd >= 0 && way == WRITE && write(fd, "one of many", 11) < 0)
		_exit(refused());
	if (fd >= 0)
		_exit(0);
	_exit(refused());
}

static pid_t start(char **argv)
{
	pid_t pid = fork();

	if (pid == 0) {
		bind_life();
		execvp(argv[0], argv);
		_exit(refused());
	}
	return pid;
}

/*
 * COUNT processes block in a read from PATH, a write to it or its open. When all do, COMMAND runs. Then all are killed, and must be
 * dead within LIMIT milliseconds. A member that did not block to the end is a failure.
 */
static int crowd(int argc, char **argv)
{
	const int count = (int)number(argv[0]), limit = (int)number(argv[3]);
	const Way way = way_of(argv[1]);
	pid_t *members = calloc(count, sizeof *members);
	int status, escaped = 0, blocked = 0;
	long began;

	(void)argc;
	for (int i = 0; i < count; i++) {
		members[i] = fork();
		if (members[i] == 0)
			member(argv[2], way);
	}
	for (began = now_ms(); blocked < count && now_ms() - began < BLOCKED_MS; usleep(10000))
		while (blocked < count && process_in(members[blocked], way))
			blocked++;
	if (blocked == count)
		waitpid(start(argv + 4), &status, 0);
	began = now_ms();
	for (int i = 0; i < count; i++)
		kill(members[i], SIGKILL);
	for (int i = 0; i < count; i++) {
		int end;

		waitpid(members[i], &end, 0);
		escaped += !WIFSIGNALED(end);
	}
	free(members);
	if (blocked < count || escaped || now_ms() - began > limit) {
		fprintf(stderr, "%d of %d blocked, %d did not to the end, killing them took %ld ms\n", blocked, count,
			escaped, now_ms() - began);
		return 1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int is_in(int argc, char **argv)
{
	(void)argc;
	return !process_in((pid_t)number(argv[1]), way_of(argv[0]));
}

const Command crowd_commands[] = {
	{"crowd", "COUNT read|write|open PATH LIMIT COMMAND...: runs COMMAND while COUNT processes block", 5, -1,
	 crowd},
	{"is-in", "read|write|open PID: whether the process is in that system call", 2, 2, is_in},
	{0},
};
