/* Commands for POSIX message queues: see native.h. NAME is the name of a queue, with its slash. */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "native.h"

/* Exits with status 1 if the queue cannot be opened. */
static mqd_t open_or_exit(const char *name, int flags)
{
	mqd_t queue = mq_open(name, flags);

	if (queue < 0)
		exit(print_errno());
	return queue;
}

static int make_queue(int argc, char **argv)
{
	mode_t mode = argc > 1 ? (mode_t)strtol(argv[1], NULL, 8) : 0600;
	struct mq_attr attr = {0};

	if (argc == 3)
		usage_error("MSGSIZE is missing");
	if (argc == 4) {
		attr.mq_maxmsg = parse_number(argv[2]);
		attr.mq_msgsize = parse_number(argv[3]);
	}
	umask(0);
	return mq_open(argv[0], O_CREAT | O_EXCL | O_RDWR, mode, argc == 4 ? &attr : NULL) < 0 ? print_errno() : 0;
}

static int remove_queue(int argc, char **argv)
{
	(void)argc;
	return mq_unlink(argv[0]) ? print_errno() : 0;
}

static int flags_of(int argc, char **argv, int index)
{
	if (argc <= index)
		return 0;
	if (strcmp(argv[index], "nowait") != 0)
		usage_error("unknown flag: %s", argv[index]);
	return O_NONBLOCK;
}

static int send_text(int argc, char **argv)
{
	mqd_t queue = open_or_exit(argv[0], O_WRONLY | flags_of(argc, argv, 3));

	return mq_send(queue, argv[2], strlen(argv[2]), (unsigned)parse_number(argv[1])) ? print_errno() : 0;
}

static int send_stdin(int argc, char **argv)
{
	mqd_t queue = open_or_exit(argv[0], O_WRONLY | flags_of(argc, argv, 2));
	size_t length;
	char *bytes = read_stdin(&length);
	int result = mq_send(queue, bytes, length, (unsigned)parse_number(argv[1]));

	free(bytes);
	return result ? print_errno() : 0;
}

static int send_lines(int argc, char **argv)
{
	mqd_t queue = open_or_exit(argv[0], O_WRONLY);
	char *line = NULL;
	size_t room = 0;
	ssize_t length;

	(void)argc;
	while ((length = getline(&line, &room, stdin)) > 0)
		if (mq_send(queue, line, (size_t)(line[length - 1] == '\n' ? length - 1 : length),
			    (unsigned)parse_number(argv[1])))
			return print_errno();
	free(line);
	return 0;
}

/*
 * Opens the queue for each message, between two pauses. Tries again if no queue has the name, or if the queue is full,
 * so that the queue can be replaced meanwhile.
 */
static int send_each(int argc, char **argv)
{
	long count = parse_number(argv[1]);

	for (long i = 1; i <= count;) {
		useconds_t pause = argc == 3 ? (useconds_t)parse_number(argv[2]) * 1000 : 0;
		char text[24];
		int length = snprintf(text, sizeof text, "%ld", i);
		mqd_t queue;

		usleep(pause);
		queue = mq_open(argv[0], O_WRONLY | O_NONBLOCK);
		if (queue < 0 && errno != ENOENT)
			return print_errno();
		usleep(pause);
		if (queue >= 0 && mq_send(queue, text, (size_t)length, 0) == 0)
			i++;
		else if (queue >= 0 && errno != EAGAIN)
			return print_errno();
		if (queue >= 0)
			mq_close(queue);
	}
	return 0;
}

/* Receives a message of *length bytes; the caller frees it. Exits with status 1 on an error. */
static char *next_message(const char *name, int flags, ssize_t *length, unsigned *priority)
{
	mqd_t queue = open_or_exit(name, O_RDONLY | flags);
	struct mq_attr attr;
	char *bytes;

	if (mq_getattr(queue, &attr))
		exit(print_errno());
	bytes = malloc((size_t)attr.mq_msgsize);
	if (!bytes || (*length = mq_receive(queue, bytes, (size_t)attr.mq_msgsize, priority)) < 0)
		exit(print_errno());
	return bytes;
}

/* Prints the message as a record: its priority and length, a newline, its bytes, a newline. */
static int receive(int argc, char **argv)
{
	unsigned priority;
	ssize_t length;
	char *bytes = next_message(argv[0], flags_of(argc, argv, 1), &length, &priority);

	printf("%u %zd\n", priority, length);
	print_bytes(bytes, (size_t)length);
	print_bytes("\n", 1);
	free(bytes);
	return 0;
}

static int receive_bytes(int argc, char **argv)
{
	unsigned priority;
	ssize_t length;
	char *bytes = next_message(argv[0], flags_of(argc, argv, 1), &length, &priority);

	print_bytes(bytes, (size_t)length);
	free(bytes);
	return 0;
}

static int print_attributes(int argc, char **argv)
{
	struct mq_attr attr;

	(void)argc;
	if (mq_getattr(open_or_exit(argv[0], O_RDONLY), &attr))
		return print_errno();
	printf("%ld %ld %ld\n", attr.mq_maxmsg, attr.mq_msgsize, attr.mq_curmsgs);
	return 0;
}

/* Prints whether the kernel lets this user open the queue for reading, and for writing: `yes` or the errno. */
static int print_rights(int argc, char **argv)
{
	(void)argc;
	printf("read %s\n", mq_open(argv[0], O_RDONLY) < 0 ? strerrorname_np(errno) : "yes");
	printf("write %s\n", mq_open(argv[0], O_WRONLY) < 0 ? strerrorname_np(errno) : "yes");
	return 0;
}

static void print_and_pause(const char *word)
{
	puts(word);
	fflush(stdout);
	for (;;)
		pause();
}

static int hold_open(int argc, char **argv)
{
	(void)argc;
	open_or_exit(argv[0], O_RDWR);
	print_and_pause("open");
	return 0;
}

/* Prints whether the kernel has leases on queues (fcntl(2), F_SETLEASE), by a queue that it makes and removes: `yes` or `no`. */
static int print_leases(int argc, char **argv)
{
	mqd_t queue = mq_open(argv[0], O_CREAT | O_EXCL | O_RDWR, 0600, NULL);

	(void)argc;
	if (queue < 0 || mq_unlink(argv[0]))
		return print_errno();
	puts(fcntl(queue, F_SETLEASE, F_WRLCK) == 0 ? "yes" : "no");
	return 0;
}

static void report_and_exit(int signal)
{
	static const char text[] = "told\n";

	if (write(STDOUT_FILENO, text, sizeof text - 1) < 0)
		_exit(1);
	_exit(signal != SIGUSR1);
}

static void report_from_thread(union sigval value)
{
	(void)value;
	report_and_exit(SIGUSR1);
}

/* Registers for a notification, prints `registered`, and exits when the notification arrives. */
static int await_notification(int argc, char **argv)
{
	struct sigevent event = {0};

	(void)argc;
	if (strcmp(argv[1], "signal") == 0) {
		event.sigev_notify = SIGEV_SIGNAL;
		event.sigev_signo = SIGUSR1;
		signal(SIGUSR1, report_and_exit);
	} else if (strcmp(argv[1], "thread") == 0) {
		event.sigev_notify = SIGEV_THREAD;
		event.sigev_notify_function = report_from_thread;
	} else {
		event.sigev_notify = SIGEV_NONE;
	}
	if (mq_notify(open_or_exit(argv[0], O_RDONLY), &event))
		return print_errno();
	print_and_pause("registered");
	return 0;
}

static int poll_queue(int argc, char **argv)
{
	struct pollfd fd = {.fd = open_or_exit(argv[0], O_RDWR | O_NONBLOCK),
			    .events = call_of(argv[1]) == READ ? POLLIN : POLLOUT};
	int n = poll(&fd, 1, (int)parse_number(argv[2]));

	(void)argc;
	if (n < 0)
		return print_errno();
	puts(n ? "ready" : "timeout");
	return !n;
}

const Command mq_commands[] = {
	{"mq-make", "NAME [MODE [MAXMSG MSGSIZE]]", 1, 4, make_queue},
	{"mq-remove", "NAME", 1, 1, remove_queue},
	{"mq-send", "NAME PRIORITY TEXT [nowait]", 3, 4, send_text},
	{"mq-send-stdin", "NAME PRIORITY [nowait]: sends all of stdin as one message", 2, 3, send_stdin},
	{"mq-send-lines", "NAME PRIORITY: sends each line of stdin as a message", 2, 2, send_lines},
	{"mq-send-each", "NAME COUNT [MS]: sends the numbers up to COUNT, each after an mq_open, with pauses of MS", 2,
	 3, send_each},
	{"mq-receive", "NAME [nowait]: prints a record", 1, 2, receive},
	{"mq-receive-bytes", "NAME [nowait]: prints the bytes of the message", 1, 2, receive_bytes},
	{"mq-attr", "NAME: prints maxmsg, msgsize and curmsgs", 1, 1, print_attributes},
	{"mq-rights", "NAME: prints whether this user may receive and send", 1, 1, print_rights},
	{"mq-leases", "NAME: prints whether the kernel has leases on queues", 1, 1, print_leases},
	{"mq-hold", "NAME: opens the queue, prints `open` and keeps it open", 1, 1, hold_open},
	{"mq-notify", "NAME signal|thread|none: prints `registered`, and `told` when the notification arrives", 2, 2,
	 await_notification},
	{"mq-poll", "NAME read|write MS: prints `ready` or `timeout`", 3, 3, poll_queue},
	{0},
};
