/*
 * Commands that make single system calls on files: see native.h. Shells and coreutils choose the size, the flags and
 * the number of their calls; the tests need an exact form.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>

#include "native.h"

enum { LARGEST = 1 << 23, FILES = 64 };

/* Aligned to pages, so that the kernel passes as many bytes in one FUSE request as the mount allows. */
static char buffer[LARGEST] __attribute__((aligned(4096)));

static int open_or_exit(const char *path, Call call, int flags)
{
	int fd = open(path, (call == READ ? O_RDONLY : O_WRONLY) | flags);

	if (fd < 0)
		exit(print_errno());
	return fd;
}

/* One read of up to `size` bytes, which is printed; or one write of `text`. Returns the exit status. */
static int transfer_once(int fd, Call call, size_t size, const char *text)
{
	ssize_t n = call == READ ? read(fd, buffer, size) : write(fd, text, strlen(text));

	if (n < 0)
		return print_errno();
	if (call == READ)
		print_bytes(buffer, n);
	return 0;
}

static size_t parse_size(const char *text)
{
	long size = parse_number(text);

	if (size < 0 || size > LARGEST)
		usage_error("size is not between 0 and 8 MiB: %s", text);
	return (size_t)size;
}

static int read_once(int argc, char **argv)
{
	return transfer_once(open_or_exit(argv[0], READ, 0), READ, argc > 1 ? parse_size(argv[1]) : LARGEST, NULL);
}

static int read_lengths(int argc, char **argv)
{
	int fd = open_or_exit(argv[0], READ, 0);

	(void)argc;
	for (long count = parse_number(argv[2]); count > 0; count--) {
		ssize_t n = read(fd, buffer, parse_size(argv[1]));

		if (n < 0)
			return print_errno();
		printf("%zd\n", n);
	}
	return 0;
}

static int write_once(int argc, char **argv)
{
	int fd = open_or_exit(argv[0], WRITE, argc > 1 && strcmp(argv[1], "append") == 0 ? O_APPEND : 0);
	size_t length;
	char *bytes = read_stdin(&length);
	ssize_t n = write(fd, bytes, length);

	free(bytes);
	if (n < 0)
		return print_errno();
	printf("%zd\n", n);
	return 0;
}

static int write_text(int argc, char **argv)
{
	(void)argc;
	return transfer_once(open_or_exit(argv[0], WRITE, 0), WRITE, LARGEST, argv[1]);
}

static int nonblocking(int argc, char **argv)
{
	Call call = call_of(argv[1]);

	return transfer_once(open_or_exit(argv[0], call, O_NONBLOCK), call, LARGEST, argc > 2 ? argv[2] : "");
}

static int nonblocking_later(int argc, char **argv)
{
	Call call = call_of(argv[1]);
	int fd = open_or_exit(argv[0], call, 0);

	if (fcntl(fd, F_SETFL, O_NONBLOCK))
		return print_errno();
	return transfer_once(fd, call, LARGEST, argc > 2 ? argv[2] : "");
}

static void ignore_signal(int signal)
{
	(void)signal;
}

/* SIGINT interrupts the call, because the handler is installed without SA_RESTART. */
static int interruptible(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = ignore_signal};
	Call call = call_of(argv[1]);

	sigaction(SIGINT, &action, NULL);
	return transfer_once(open_or_exit(argv[0], call, 0), call, LARGEST, argc > 2 ? argv[2] : "");
}

/* A child reads and the parent writes, both on one open file. */
static int exchange(int argc, char **argv)
{
	int fd = open(argv[0], O_RDWR);
	pid_t reader;
	int status;

	(void)argc;
	if (fd < 0)
		return print_errno();
	reader = fork();
	if (reader == 0)
		_exit(transfer_once(fd, READ, LARGEST, NULL));
	while (!process_in(reader, READ))
		usleep(1000);
	if (transfer_once(fd, WRITE, 0, argv[1]))
		return 1;
	waitpid(reader, &status, 0);
	return status != 0;
}

/* -- Waiting for one of several files ------------------------------------------------------------------------------ */

typedef struct Watched {
	int fds[FILES];
	char **paths;
	int count;
	Call call;
	int limit; /* ms */
} Watched;

static int print_path(const Watched *watched, int i)
{
	printf("%s\n", watched->paths[i]);
	return 1;
}

static int wait_by_poll(const Watched *watched)
{
	struct pollfd polled[FILES];
	int ready = 0;

	for (int i = 0; i < watched->count; i++)
		polled[i] = (struct pollfd){watched->fds[i], watched->call == READ ? POLLIN : POLLOUT, 0};
	if (poll(polled, watched->count, watched->limit) < 0)
		exit(print_errno());
	for (int i = 0; i < watched->count; i++)
		if (polled[i].revents)
			ready += print_path(watched, i);
	return ready;
}

static int wait_by_select(const Watched *watched)
{
	struct timeval limit = {watched->limit / 1000, watched->limit % 1000 * 1000};
	fd_set set;
	int ready = 0;

	FD_ZERO(&set);
	for (int i = 0; i < watched->count; i++)
		FD_SET(watched->fds[i], &set);
	if (select(FD_SETSIZE, watched->call == READ ? &set : NULL, watched->call == WRITE ? &set : NULL, NULL,
		   &limit) < 0)
		exit(print_errno());
	for (int i = 0; i < watched->count; i++)
		if (FD_ISSET(watched->fds[i], &set))
			ready += print_path(watched, i);
	return ready;
}

static int wait_by_epoll_with(const Watched *watched, unsigned more)
{
	struct epoll_event found[FILES];
	int set = epoll_create1(0), n;

	for (int i = 0; i < watched->count; i++) {
		struct epoll_event event = {.events = (watched->call == READ ? EPOLLIN : EPOLLOUT) | more,
					    .data.u32 = i};

		if (epoll_ctl(set, EPOLL_CTL_ADD, watched->fds[i], &event))
			exit(print_errno());
	}
	n = epoll_wait(set, found, FILES, watched->limit);
	if (n < 0)
		exit(print_errno());
	for (int i = 0; i < n; i++)
		print_path(watched, (int)found[i].data.u32);
	return n;
}

static int wait_by_epoll(const Watched *watched)
{
	return wait_by_epoll_with(watched, 0);
}

static int wait_by_epoll_edge(const Watched *watched)
{
	return wait_by_epoll_with(watched, EPOLLET);
}

/* Prints the paths of the ready files and returns 0, or prints `timeout` and returns 1. */
static int wait_for(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*wait)(const Watched *watched);
	} calls[] = {{"poll", wait_by_poll},
		     {"select", wait_by_select},
		     {"epoll", wait_by_epoll},
		     {"epoll-edge", wait_by_epoll_edge}};
	Watched watched = {
		.call = call_of(argv[1]), .limit = (int)parse_number(argv[2]), .paths = argv + 3, .count = argc - 3};

	/* A shorter one is meant to be over; a longer one ends a hang. */
	if (watched.limit >= 1000)
		watched.limit = limit_ms(watched.limit);
	if (watched.count > FILES)
		usage_error("more than %d paths", FILES);
	for (int i = 0; i < watched.count; i++)
		watched.fds[i] = open_or_exit(watched.paths[i], watched.call, O_NONBLOCK);
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		if (strcmp(calls[i].name, argv[0]) != 0)
			continue;
		/* Tells the test that the files are open. */
		fputs("waiting\n", stderr);
		if (calls[i].wait(&watched))
			return 0;
		puts("timeout");
		return 1;
	}
	usage_error("unknown call: %s", argv[0]);
}

const Command file_commands[] = {
	{"read-once", "PATH [SIZE]: prints the bytes of one read(2)", 1, 2, read_once},
	{"read-lengths", "PATH SIZE COUNT: prints the result of each of COUNT reads", 3, 3, read_lengths},
	{"write-once", "PATH [append]: writes all of stdin in one write(2); prints its result", 1, 2, write_once},
	{"write-text", "PATH TEXT: writes TEXT in one write(2)", 2, 2, write_text},
	{"nonblocking", "PATH read|write [TEXT]: opens with O_NONBLOCK", 2, 3, nonblocking},
	{"nonblocking-later", "PATH read|write [TEXT]: sets O_NONBLOCK after open", 2, 3, nonblocking_later},
	{"interruptible", "PATH read|write [TEXT]: SIGINT interrupts the call", 2, 3, interruptible},
	{"exchange", "PATH TEXT: writes while a child reads from the same open file", 2, 2, exchange},
	{"wait-for", "poll|select|epoll|epoll-edge read|write MS PATH...: prints the ready paths", 4, -1, wait_for},
	{0},
};
