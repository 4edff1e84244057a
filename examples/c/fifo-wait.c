/*
 * fifo-wait FIFO SECONDS: waits at most SECONDS for a line in a FIFO, and prints it.
 *
 *	fifo-wait /ipc/fifo/ready 10 && echo "it is ready"
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct pollfd fifo = {.events = POLLIN};
	char line[4096];
	ssize_t n;

	if (argc != 3) {
		fprintf(stderr, "usage: fifo-wait FIFO SECONDS\n");
		return 2;
	}
	/* With O_NONBLOCK, an open for reading does not wait for a writer. poll(2) waits for the first one. */
	fifo.fd = open(argv[1], O_RDONLY | O_NONBLOCK);
	if (fifo.fd < 0) {
		perror(argv[1]);
		return 1;
	}
	if (poll(&fifo, 1, atoi(argv[2]) * 1000) != 1) {
		fprintf(stderr, "fifo-wait: no line within %s s\n", argv[2]);
		return 1;
	}
	n = read(fifo.fd, line, sizeof line);
	return n > 0 && write(STDOUT_FILENO, line, (size_t)n) == n ? 0 : 1;
}
