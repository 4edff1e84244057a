/*
 * native-consumer QUEUE [COUNT]: receives messages with msgrcv(2) and prints them, one per line. It ends after COUNT
 * messages; without COUNT it never ends. The program reads only the key from the tree. A program that knows the key
 * needs no tree.
 *
 *	native-consumer /ipc/sysv/msg/jobs 10
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/msg.h>

/* Returns the id of the queue, or -1. */
static int queue_id(const char *queue)
{
	char path[4096], text[32] = "";
	FILE *file;

	snprintf(path, sizeof path, "%s/key", queue);
	file = fopen(path, "r");
	if (!file || !fgets(text, sizeof text, file)) {
		perror(path);
		return -1;
	}
	fclose(file);
	return msgget((key_t)strtoul(text, NULL, 0), 0);
}

int main(int argc, char **argv)
{
	static struct {
		long type;
		char text[65536];
	} message;
	long left = argc == 3 ? atol(argv[2]) : -1;
	int id;

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: native-consumer QUEUE [COUNT]\n");
		return 2;
	}
	id = queue_id(argv[1]);
	if (id < 0)
		return 1;
	for (; left != 0; left--) {
		ssize_t length = msgrcv(id, &message, sizeof message.text, 0, 0);

		if (length < 0) {
			perror("msgrcv");
			return 1;
		}
		fwrite(message.text, 1, (size_t)length, stdout);
		putchar('\n');
		fflush(stdout);
	}
	return 0;
}
