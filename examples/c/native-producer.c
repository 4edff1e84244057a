/*
 * native-producer QUEUE: sends each line of standard input as a message with msgsnd(2). The program reads only the key
 * from the tree. A program that knows the key needs no tree.
 *
 *	seq 10 | native-producer /ipc/sysv/msg/jobs
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
		char text[8192];
	} message = {.type = 1};
	int id;

	if (argc != 2) {
		fprintf(stderr, "usage: native-producer QUEUE\n");
		return 2;
	}
	id = queue_id(argv[1]);
	if (id < 0)
		return 1;
	while (fgets(message.text, sizeof message.text, stdin)) {
		if (msgsnd(id, &message, strcspn(message.text, "\n"), 0)) {
			perror("msgsnd");
			return 1;
		}
	}
	return 0;
}
