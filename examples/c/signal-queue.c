/*
 * signal-queue DIRECTORY SIGNAL VALUE...: sends a signal once for each value. DIRECTORY is /ipc/signal/PID or
 * /ipc/signal/group/PGID. The open file stands for the process. After the process has ended, a write fails with ESRCH.
 *
 *	signal-queue /ipc/signal/1234 RTMIN+2 5 -6
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char path[4096];
	int fd;

	if (argc < 4) {
		fprintf(stderr, "usage: signal-queue DIRECTORY SIGNAL VALUE...\n");
		return 2;
	}
	snprintf(path, sizeof path, "%s/%s", argv[1], argv[2]);
	fd = open(path, O_WRONLY);
	if (fd < 0) {
		perror(path);
		return 1;
	}
	for (int i = 3; i < argc; i++) {
		if (write(fd, argv[i], strlen(argv[i])) < 0) {
			perror(argv[i]);
			return 1;
		}
	}
	close(fd);
	return 0;
}
