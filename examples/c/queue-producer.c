/*
 * queue-producer QUEUE: sends each line of standard input as a message with write(2).
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
		/* One write sends one message, whole or not at all. */
		if (write(queue, line, (size_t)length) < 0) {
			perror(path);
			return 1;
		}
	}
	free(line);
	return close(queue) ? 1 : 0;
}
