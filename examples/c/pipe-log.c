/*
 * pipe-log PIPE: writes each line of standard input to a pipe. A line stays whole while other programs write to the
 * pipe. The program ends after the last reader of the pipe has closed.
 *
 *	while date; do sleep 1; done | pipe-log /ipc/pipe/log
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char path[4096], line[PIPE_BUF];
	int pipe;

	if (argc != 2) {
		fprintf(stderr, "usage: pipe-log PIPE\n");
		return 2;
	}
	snprintf(path, sizeof path, "%s/write", argv[1]);
	pipe = open(path, O_WRONLY);
	if (pipe < 0) {
		perror(path);
		return 1;
	}
	signal(SIGPIPE, SIG_IGN); /* write(2) then fails with EPIPE */
	while (fgets(line, sizeof line, stdin)) {
		/* A write of up to PIPE_BUF bytes is atomic. */
		if (write(pipe, line, strlen(line)) >= 0)
			continue;
		if (errno == EPIPE)
			return 0;
		perror(path);
		return 1;
	}
	return 0;
}
