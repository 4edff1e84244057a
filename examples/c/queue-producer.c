/*
 * queue-producer QUEUE: sends every line of the standard input as a message, by plain file I/O.
 *
 *	seq 10 | queue-producer /ipc/sysv/msg/jobs
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char path[4096], *line = NULL;
	size_t room = 0;
	ssize_t length;
	int queue;

	if (argc != 2) {
		fprintf(stderr, "usage: queue-producer QUEUE\n");
		return 2;
	}
	snprintf(path, sizeof path, "%s/data", argv[1]);
	queue = open(path, O_WRONLY);
	if (queue < 0) {
		perror(path);
		return 1;
	}
	while ((length = getline(&line, &room, stdin)) > 0) {
		if (line[length - 1] == '\n')
			length--;
		/* One write is one message: all of it is sent, or none. */
		if (write(queue, line, (size_t)length) < 0) {
			perror(path);
			return 1;
		}
	}
	free(line);
	return close(queue) ? 1 : 0;
}
