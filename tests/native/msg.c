/*
 * Commands for System V message queues: see native.h. QUEUE is a key (0x1234) or an id (id-7). msg-make also accepts
 * `private` for IPC_PRIVATE.
 */
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
	return strcmp(text, "private") == 0 ? IPC_PRIVATE : (key_t)parse_number(text);
}

/* Exits with status 1 if the queue does not exist. */
static int id_or_exit(const char *text)
{
	int id = strncmp(text, "id-", 3) == 0 ? (int)parse_number(text + 3) : msgget(key_of(text), 0);

	if (id < 0)
		exit(print_errno());
	return id;
}

static int make_queue(int argc, char **argv)
{
	int mode = argc > 1 ? (int)strtol(argv[1], NULL, 8) : 0600;
	int id = msgget(key_of(argv[0]), IPC_CREAT | IPC_EXCL | mode);

	if (id < 0)
		return print_errno();
	printf("%d\n", id);
	return 0;
}

static int remove_queue(int argc, char **argv)
{
	(void)argc;
	return msgctl(id_or_exit(argv[0]), IPC_RMID, NULL) ? print_errno() : 0;
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
			usage_error("unknown flag: %s", argv[i]);
	}
	return flags;
}

static int send_message(int id, long type, const char *bytes, size_t length, int flags)
{
	if (length > LARGEST)
		usage_error("message is too long (%zu bytes)", length);
	message.type = type;
	memcpy(message.bytes, bytes, length);
	return msgsnd(id, &message, length, flags);
}

static int send_text(int argc, char **argv)
{
	return send_message(id_or_exit(argv[0]), parse_number(argv[1]), argv[2], strlen(argv[2]),
			    flags_of(argc - 3, argv + 3)) ?
		       print_errno() :
		       0;
}

static int send_stdin(int argc, char **argv)
{
	size_t length;
	char *bytes = read_stdin(&length);
	int result =
		send_message(id_or_exit(argv[0]), parse_number(argv[1]), bytes, length, flags_of(argc - 2, argv + 2));

	free(bytes);
	return result ? print_errno() : 0;
}

static int send_lines(int argc, char **argv)
{
	int id = id_or_exit(argv[0]);
	long type = parse_number(argv[1]);
	char *line = NULL;
	size_t room = 0;
	ssize_t length;

	(void)argc;
	while ((length = getline(&line, &room, stdin)) > 0)
		if (send_message(id, type, line, line[length - 1] == '\n' ? length - 1 : length, 0))
			return print_errno();
	free(line);
	return 0;
}

/* Prints the message as a record: its type and length, a newline, its bytes, a newline. */
static int receive(int argc, char **argv)
{
	long type = argc > 1 ? parse_number(argv[1]) : 0;
	ssize_t length = msgrcv(id_or_exit(argv[0]), &message, LARGEST, type, flags_of(argc - 2, argv + 2));

	if (length < 0)
		return print_errno();
	printf("%ld %zd\n", message.type, length);
	print_bytes(message.bytes, length);
	print_bytes("\n", 1);
	return 0;
}

static int receive_bytes(int argc, char **argv)
{
	long type = argc > 1 ? parse_number(argv[1]) : 0;
	ssize_t length = msgrcv(id_or_exit(argv[0]), &message, LARGEST, type, flags_of(argc - 2, argv + 2));

	if (length < 0)
		return print_errno();
	print_bytes(message.bytes, length);
	return 0;
}

static int set_mode(int argc, char **argv)
{
	int id = id_or_exit(argv[0]);
	struct msqid_ds ds;

	(void)argc;
	if (msgctl(id, IPC_STAT, &ds))
		return print_errno();
	ds.msg_perm.mode = (unsigned short)strtol(argv[1], NULL, 8);
	return msgctl(id, IPC_SET, &ds) ? print_errno() : 0;
}

static const char *verdict(int failed)
{
	/* ENOMSG and EAGAIN come after the kernel's check of the permissions. */
	return !failed || errno == ENOMSG || errno == EAGAIN ? "yes" : strerrorname_np(errno);
}

/* Prints whether the kernel lets this user receive, and then send: `yes` or the errno. */
static int print_rights(int argc, char **argv)
{
	int id = (int)parse_number(argv[0]);

	(void)argc;
	printf("read %s\n", verdict(msgrcv(id, &message, LARGEST, 0, IPC_NOWAIT) < 0));
	printf("write %s\n", verdict(send_message(id, 1, "", 0, IPC_NOWAIT)));
	return 0;
}

const Command msg_commands[] = {
	{"msg-make", "QUEUE [MODE]: prints the id", 1, 2, make_queue},
	{"msg-remove", "QUEUE", 1, 1, remove_queue},
	{"msg-send", "QUEUE TYPE TEXT [nowait]", 3, 4, send_text},
	{"msg-send-stdin", "QUEUE TYPE [nowait]: sends all of stdin as one message", 2, 3, send_stdin},
	{"msg-send-lines", "QUEUE TYPE: sends each line of stdin as a message", 2, 2, send_lines},
	{"msg-receive", "QUEUE [TYPE [nowait] [except]]: prints a record", 1, 4, receive},
	{"msg-receive-bytes", "QUEUE [TYPE [nowait] [except]]: prints the bytes of the message", 1, 4, receive_bytes},
	{"msg-mode", "QUEUE MODE", 2, 2, set_mode},
	{"msg-rights", "ID: prints whether this user may receive and send", 1, 1, print_rights},
	{0},
};
