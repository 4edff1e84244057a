/*
 * socket-chat PATH: copies standard input to a connection and the connection to standard output, until one of them
 * reaches end of file. Opening PATH connects, or waits for a connection:
 *
 *	socket-chat /ipc/socket/unix/talk/accept
 *	socket-chat /ipc/socket/unix/dial/@talk
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* Copies up to 64 KiB. Returns 1, 0 at end of file, or -1 on error. */
static int copy_some(int from, int to)
{
	char piece[65536];
	ssize_t n = read(from, piece, sizeof piece), done = 0;

	while (n > 0 && done < n) {
		ssize_t written = write(to, piece + done, (size_t)(n - done));

		if (written < 0)
			return -1;
		done += written;
	}
	return n < 0 ? -1 : n > 0;
}

int main(int argc, char **argv)
{
	struct pollfd ends[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.events = POLLIN}};
	int result = 1;

	if (argc != 2) {
		fprintf(stderr, "usage: socket-chat PATH\n");
		return 2;
	}
	ends[1].fd = open(argv[1], O_RDWR);
	if (ends[1].fd < 0) {
		perror(argv[1]);
		return 1;
	}
	signal(SIGPIPE, SIG_IGN); /* write(2) then fails with EPIPE */
	while (result > 0) {
		if (poll(ends, 2, -1) < 0)
			result = -1;
		else if (ends[1].revents) /* POLLIN, or an error, which read(2) returns */
			result = copy_some(ends[1].fd, STDOUT_FILENO);
		else
			result = copy_some(STDIN_FILENO, ends[1].fd);
	}
	if (result < 0)
		perror(argv[1]);
	return result < 0;
}
