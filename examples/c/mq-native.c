/*
 * mq-native NAME [COUNT]: receives messages with mq_receive(3) and prints them with their priorities. It ends after
 * COUNT messages; without COUNT it never ends. The queue is /ipc/posix/mq/NAME.
 *
 *	mq-native jobs 10
 */
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	long left = argc == 3 ? atol(argv[2]) : -1;
	struct mq_attr attr;
	char name[512], *message;
	mqd_t queue;

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: mq-native NAME [COUNT]\n");
		return 2;
	}
	snprintf(name, sizeof name, "/%s", argv[1]);
	queue = mq_open(name, O_RDONLY);
	if (queue < 0 || mq_getattr(queue, &attr)) {
		perror(name);
		return 1;
	}
	message = malloc((size_t)attr.mq_msgsize);
	for (; message && left != 0; left--) {
		unsigned priority;
		ssize_t length = mq_receive(queue, message, (size_t)attr.mq_msgsize, &priority);

		if (length < 0) {
			perror(name);
			return 1;
		}
		printf("%u %.*s\n", priority, (int)length, message);
		fflush(stdout);
	}
	free(message);
	return 0;
}
