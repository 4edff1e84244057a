/* POSIX message queues. NAME is a queue's name, with its slash. */
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

/* Ends the program if it cannot be opened. */
static mqd_t queue_of(const char *name, int flags)
{
	mqd_t queue = mq_open(name, flags);

	if (queue < 0)
		exit(refused());
	return queue;
}

static int make(int argc, char **argv)
{
	mode_t mode = argc > 1 ? (mode_t)strtol(argv[1], NULL, 8) : 0600;
	struct mq_attr attr = {0};

	if (argc == 3)
		misused("MAXMSG and MSGSIZE go together");
	if (argc == 4) {
		attr.mq_maxmsg = number(argv[2]);
		attr.mq_msgsize = number(argv[3]);
	}
	umask(0);
	return mq_open(argv[0], O_CREAT | O_EXCL | O_RDWR, mode, argc == 4 ? &attr : NULL) < 0 ? refused() : 0;
}

static int delete (int argc, char **argv)
{
	(void)argc;
	return mq_unlink(argv[0]) ? refused() : 0;
}

static int flags_of(int argc, char **argv, int at)
{
	if (argc <= at)
		return 0;
	if (strcmp(argv[at], "nowait") != 0)
		misused("%s is no flag", argv[at]);
	return O_NONBLOCK;
}

static int send_text(int argc, char **argv)
{
	mqd_t queue = queue_of(argv[0], O_WRONLY | flags_of(argc, argv, 3));

	return mq_send(queue, argv[2], strlen(argv[2]), (unsigned)number(argv[1])) ? refused() : 0;
}

static int send_stdin(int argc, char **argv)
{
	mqd_t queue = queue_of(argv[0], O_WRONLY | flags_of(argc, argv, 2));
	size_t length;
	char *bytes = whole_stdin(&length);
	int result = mq_send(queue, bytes, length, (unsigned)number(argv[1]));

	free(bytes);
	return result ? refused() : 0;
}

static int send_lines(int argc, char **argv)
{
	mqd_t queue = queue_of(argv[0], O_WRONLY);
	char *line = NULL;
	size_t room = 0;
	ssize_t length;

	(void)argc;
	while ((length = getline(&line, &room, stdin)) > 0)
		if (mq_send(queue, line, (size_t)(line[length - 1] == '\n' ? length - 1 : length),
			    (unsigned)number(argv[1])))
			return refused();
	free(line);
	return 0;
}

/* Opens the queue anew for each, between two pauses; waits while there is none of that name, or no room. */
static int send_each(int argc, char **argv)
{
	long count = number(argv[1]);

	for (long i = 1; i <= count;) {
		useconds_t pause = argc == 3 ? (useconds_t)number(argv[2]) * 1000 : 0;
		char text[24];
		int length = snprintf(text, sizeof text, "%ld", i);
		mqd_t queue;

		usleep(pause);
		queue = mq_open(argv[0], O_WRONLY | O_NONBLOCK);
		if (queue < 0 && errno != ENOENT)
			return refused();
		usleep(pause);
		if (queue >= 0 && mq_send(queue, text, (size_t)length, 0) == 0)
			i++;
		else if (queue >= 0 && errno != EAGAIN)
			return refused();
		if (queue >= 0)
			mq_close(queue);
	}
	return 0;
}

/* The next message, of *length bytes, the caller's to free; ends the program if there is none to be had. */
static char *next_message(const char *name, int flags, ssize_t *length, unsigned *priority)
{
	mqd_t queue = queue_of(name, O_RDONLY | flags);
	struct mq_attr attr;
	char *bytes;

	if (mq_getattr(queue, &attr))
		exit(refused());
	bytes = malloc((size_t)attr.mq_msgsize);
	if (!bytes || (*length = mq_receive(queue, bytes, (size_t)attr.mq_msgsize, priority)) < 0)
		exit(refused());
	return bytes;
}

/* Prints the message as a record: its priority and length, a newline, its bytes, a newline. */
static int receive(int argc, char **argv)
{
	unsigned priority;
	ssize_t length;
	char *bytes = next_message(argv[0], flags_of(argc, argv, 1), &length, &priority);

	printf("%u %zd\n", priority, length);
	put(bytes, (size_t)length);
	put("\n", 1);
	free(bytes);
	return 0;
}

static int receive_bytes(int argc, char **argv)
{
	unsigned priority;
	ssize_t length;
	char *bytes = next_message(argv[0], flags_of(argc, argv, 1), &length, &priority);

	put(bytes, (size_t)length);
	free(bytes);
	return 0;
}

static int show_attributes(int argc, char **argv)
{
	struct mq_attr attr;

	(void)argc;
	if (mq_getattr(queue_of(argv[0], O_RDONLY), &attr))
		return refused();
	printf("%ld %ld %ld\n", attr.mq_maxmsg, attr.mq_msgsize, attr.mq_curmsgs);
	return 0;
}

/* Asks the kernel: may this user open it to read, to write? `yes` or the errno each. */
static int rights(int argc, char **argv)
{
	(void)argc;
	printf("read %s\n", mq_open(argv[0], O_RDONLY) < 0 ? strerrorname_np(errno) : "yes");
	printf("write %s\n", mq_open(argv[0], O_WRONLY) < 0 ? strerrorname_np(errno) : "yes");
	return 0;
}

static void say_and_wait(const char *word)
{
	puts(word);
	fflush(stdout);
	for (;;)
		pause();
}

static int hold(int argc, char **argv)
{
	(void)argc;
	queue_of(argv[0], O_RDWR);
	say_and_wait("open");
	return 0;
}

static void told(int signal)
{
	static const char text[] = "told\n";

	if (write(STDOUT_FILENO, text, sizeof text - 1) < 0)
		_exit(1);
	_exit(signal != SIGUSR1);
}

static void told_by_thread(union sigval value)
{
	(void)value;
	told(SIGUSR1);
}

/* Registers for the next message, says so, and ends when it is told of one. */
static int notify(int argc, char **argv)
{
	struct sigevent event = {0};

	(void)argc;
	if (strcmp(argv[1], "signal") == 0) {
		event.sigev_notify = SIGEV_SIGNAL;
		event.sigev_signo = SIGUSR1;
		signal(SIGUSR1, told);
	} else if (strcmp(argv[1], "thread") == 0) {
		event.sigev_notify = SIGEV_THREAD;
		event.sigev_notify_function = told_by_thread;
	} else {
		event.sigev_notify = SIGEV_NONE;
	}
	if (mq_notify(queue_of(argv[0], O_RDONLY), &event))
		return refused();
	say_and_wait("registered");
	return 0;
}

static int poll_queue(int argc, char **argv)
{
	struct pollfd fd = {.fd = queue_of(argv[0], O_RDWR | O_NONBLOCK),
			    .events = way_of(argv[1]) == READ ? POLLIN : POLLOUT};
	int n = poll(&fd, 1, (int)number(argv[2]));

	(void)argc;
	if (n < 0)
		return refused();
	puts(n ? "ready" : "timeout");
	return !n;
}

const Command mq_commands[] = {
	{"mq-make", "NAME [MODE [MAXMSG MSGSIZE]]", 1, 4, make},
	{"mq-remove", "NAME", 1, 1, delete},
	{"mq-send", "NAME PRIORITY TEXT [nowait]", 3, 4, send_text},
	{"mq-send-stdin", "NAME PRIORITY [nowait]: all of stdin is the message", 2, 3, send_stdin},
	{"mq-send-lines", "NAME PRIORITY: each line of stdin is a message", 2, 2, send_lines},
	{"mq-send-each", "NAME COUNT [MS]: the numbers up to COUNT, each by an mq_open of its own between pauses of MS",
	 2, 3, send_each},
	{"mq-receive", "NAME [nowait]: prints a record", 1, 2, receive},
	{"mq-receive-bytes", "NAME [nowait]: prints the bytes", 1, 2, receive_bytes},
	{"mq-attr", "NAME: prints maxmsg, msgsize and curmsgs", 1, 1, show_attributes},
	{"mq-rights", "NAME: whether this user may receive from and send to the queue", 1, 1, rights},
	{"mq-hold", "NAME: opens it, says `open` and keeps it", 1, 1, hold},
	{"mq-notify", "NAME signal|thread|none: registers, says `registered`, ends with `told`", 2, 2, notify},
	{"mq-poll", "NAME read|write MS: `ready` or `timeout`", 3, 3, poll_queue},
	{0},
};
