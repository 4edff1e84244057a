/* System V message queues. QUEUE is a key (0x1234), an id (id-7), or `private` where one is made. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <unistd.h>

#include "native.h"

enum { LARGEST = 1 << 20 };

typedef struct Message {
	long type;
	char bytes[LARGEST];
} Message;

static Message message;

static key_t key_of(const char *text)
{
	return strcmp(text, "private") == 0 ? IPC_PRIVATE : (key_t)number(text);
}

/* Ends the program if there is no such queue. */
static int queue_of(const char *text)
{
	int id = strncmp(text, "id-", 3) == 0 ? (int)number(text + 3) : msgget(key_of(text), 0);

	if (id < 0)
		exit(refused());
	return id;
}

static int make(int argc, char **argv)
{
	int mode = argc > 1 ? (int)strtol(argv[1], NULL, 8) : 0600;
	int id = msgget(key_of(argv[0]), IPC_CREAT | IPC_EXCL | mode);

	if (id < 0)
		return refused();
	printf("%d\n", id);
	return 0;
}

static int delete (int argc, char **argv)
{
	(void)argc;
	return msgctl(queue_of(argv[0]), IPC_RMID, NULL) ? refused() : 0;
}

static int flags_of(int argc, char **argv)
{
	static const struct {
		const char *name;
		int flag;
	} words[] = {{"nowait", IPC_NOWAIT}, {"except", MSG_EXCEPT}};
	int flags = 0;

	for (int i = 0; i < argc; i++) {
		int known = 0;

		for (size_t j = 0; j < sizeof words / sizeof *words; j++) {
			if (strcmp(argv[i], words[j].name) == 0) {
				flags |= words[j].flag;
				known = 1;
			}
		}
		if (!known)
			misused("%s is no flag", argv[i]);
	}
	return flags;
}

static int send_message(int id, long type, const char *bytes, size_t length, int flags)
{
	if (length > LARGEST)
		misused("a message of %zu bytes", length);
	message.type = type;
	memcpy(message.bytes, bytes, length);
	return msgsnd(id, &message, length, flags);
}

static int send_text(int argc, char **argv)
{
	return send_message(queue_of(argv[0]), number(argv[1]), argv[2], strlen(argv[2]),
			    flags_of(argc - 3, argv + 3)) ?
		       refused() :
		       0;
}

static int send_stdin(int argc, char **argv)
{
	size_t length;
	char *bytes = whole_stdin(&length);
	int result = send_message(queue_of(argv[0]), number(argv[1]), bytes, length, flags_of(argc - 2, argv + 2));

	free(bytes);
	return result ? refused() : 0;
}

static int send_lines(int argc, char **argv)
{
	int id = queue_of(argv[0]);
	long type = number(argv[1]);
	char *line = NULL;
	size_t room = 0;
	ssize_t length;

	(void)argc;
	while ((length = getline(&line, &room, stdin)) > 0)
		if (send_message(id, type, line, line[length - 1] == '\n' ? length - 1 : length, 0))
			return refused();
	free(line);
	return 0;
}

/* Prints the message as a record: its type and length, a newline, its bytes, a newline. */
static int receive(int argc, char **argv)
{
	long type = argc > 1 ? number(argv[1]) : 0;
	ssize_t length = msgrcv(queue_of(argv[0]), &message, LARGEST, type, flags_of(argc - 2, argv + 2));

	if (length < 0)
		return refused();
	printf("%ld %zd\n", message.type, length);
	put(message.bytes, length);
	put("\n", 1);
	return 0;
}

static int receive_bytes(int argc, char **argv)
{
	long type = argc > 1 ? number(argv[1]) : 0;
	ssize_t length = msgrcv(queue_of(argv[0]), &message, LARGEST, type, flags_of(argc - 2, argv + 2));

	if (length < 0)
		return refused();
	put(message.bytes, length);
	return 0;
}

static int set_mode(int argc, char **argv)
{
	int id = queue_of(argv[0]);
	struct msqid_ds ds;

	(void)argc;
	if (msgctl(id, IPC_STAT, &ds))
		return refused();
	ds.msg_perm.mode = (unsigned short)strtol(argv[1], NULL, 8);
	return msgctl(id, IPC_SET, &ds) ? refused() : 0;
}

static const char *verdict(int failed)
{
	/* The right was there, the message or the room was not. */
	return !failed || errno == ENOMSG || errno == EAGAIN ? "yes" : strerrorname_np(errno);
}

/* Asks the kernel, in this order: may this user receive, send? `yes` or the errno each. */
static int rights(int argc, char **argv)
{
	int id = (int)number(argv[0]);

	(void)argc;
	printf("read %s\n", verdict(msgrcv(id, &message, LARGEST, 0, IPC_NOWAIT) < 0));
	printf("write %s\n", verdict(send_message(id, 1, "", 0, IPC_NOWAIT)));
	return 0;
}

const Command msg_commands[] = {
	{"msg-make", "QUEUE [MODE]: prints the id", 1, 2, make},
	{"msg-remove", "QUEUE", 1, 1, delete},
	{"msg-send", "QUEUE TYPE TEXT [nowait]", 3, 4, send_text},
	{"msg-send-stdin", "QUEUE TYPE [nowait]: all of stdin is the message", 2, 3, send_stdin},
	{"msg-send-lines", "QUEUE TYPE: each line of stdin is a message", 2, 2, send_lines},
	{"msg-receive", "QUEUE [TYPE [nowait] [except]]: prints a record", 1, 4, receive},
	{"msg-receive-bytes", "QUEUE [TYPE [nowait] [except]]: prints the bytes", 1, 4, receive_bytes},
	{"msg-mode", "QUEUE MODE", 2, 2, set_mode},
	{"msg-rights", "ID: whether this user may receive from and send to the queue", 1, 1, rights},
	{0},
};
