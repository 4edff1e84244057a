/*
 * queue-consumer QUEUE [COUNT]: receives messages with read(2) and prints them, one per line. It ends after COUNT
 * messages; without COUNT it never ends.
 *
 *	queue-consumer /ipc/sysv/msg/jobs 10
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static char message[1 << 20];
	char path[4096];
	long left = argc == 3 ? atol(argv[2]) : -1;
	int queue;

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: queue-consumer QUEUE [COUNT]\n");
		return 2;
	}
	snprintf(path, sizeof path, "%s/data", argv[1]);
	queue = open(path, O_RDONLY);
	if (queue < 0) {
		perror(path);
		return 1;
	}
	for (; left != 0; left--) {
		/* One read receives one message, whole if the buffer has room for it. */
		ssize_t length = read(queue, message, sizeof message);

		if (length < 0) {
			perror(path);
			return 1;
		}
		fwrite(message, 1, (size_t)length, stdout);
		putchar('\n');
		fflush(stdout);
	}
	return 0;
}
