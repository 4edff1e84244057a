/* Files: single system calls whose exact form the tests depend on, which shells and coreutils choose for themselves. */
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

/* Aligned, or the kernel could not pass on as many bytes in one request as it may. */
static char buffer[LARGEST] __attribute__((aligned(4096)));

static int open_for(const char *path, Way way, int flags)
{
	int fd = open(path, (way == READ ? O_RDONLY : O_WRONLY) | flags);

	if (fd < 0)
		exit(refused());
	return fd;
}

/* One read of up to `size` bytes, shown; or one write of `text`. */
static int use(int fd, Way way, size_t size, const char *text)
{
	ssize_t n = way == READ ? read(fd, buffer, size) : write(fd, text, strlen(text));

	if (n < 0)
		return refused();
	if (way == READ)
		put(buffer, n);
	return 0;
}

static size_t size_of(const char *text)
{
	long size = number(text);

	if (size < 0 || size > LARGEST)
		misused("%s is more than fits", text);
	return (size_t)size;
}

static int read_once(int argc, char **argv)
{
	return use(open_for(argv[0], READ, 0), READ, argc > 1 ? size_of(argv[1]) : LARGEST, NULL);
}

static int read_lengths(int argc, char **argv)
{
	int fd = open_for(argv[0], READ, 0);

	(void)argc;
	for (long count = number(argv[2]); count > 0; count--) {
		ssize_t n = read(fd, buffer, size_of(argv[1]));

		if (n < 0)
			return refused();
		printf("%zd\n", n);
	}
	return 0;
}

static int write_once(int argc, char **argv)
{
	int fd = open_for(argv[0], WRITE, argc > 1 && strcmp(argv[1], "append") == 0 ? O_APPEND : 0);
	size_t length;
	char *bytes = whole_stdin(&length);
	ssize_t n = write(fd, bytes, length);

	free(bytes);
	if (n < 0)
		return refused();
	printf("%zd\n", n);
	return 0;
}

static int write_text(int argc, char **argv)
{
	(void)argc;
	return use(open_for(argv[0], WRITE, 0), WRITE, LARGEST, argv[1]);
}

static int nonblocking(int argc, char **argv)
{
	Way way = way_of(argv[1]);

	return use(open_for(argv[0], way, O_NONBLOCK), way, LARGEST, argc > 2 ? argv[2] : "");
}

static int nonblocking_later(int argc, char **argv)
{
	Way way = way_of(argv[1]);
	int fd = open_for(argv[0], way, 0);

	if (fcntl(fd, F_SETFL, O_NONBLOCK))
		return refused();
	return use(fd, way, LARGEST, argc > 2 ? argv[2] : "");
}

static void caught(int signal)
{
	(void)signal;
}

/* SIGINT ends the call, since the handler is installed without SA_RESTART. */
static int interruptible(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = caught};
	Way way = way_of(argv[1]);

	sigaction(SIGINT, &action, NULL);
	return use(open_for(argv[0], way, 0), way, LARGEST, argc > 2 ? argv[2] : "");
}

/* A reader and a writer on one open file. */
static int exchange(int argc, char **argv)
{
	int fd = open(argv[0], O_RDWR);
	pid_t reader;
	int status;

	(void)argc;
	if (fd < 0)
		return refused();
	reader = fork();
	if (reader == 0)
		_exit(use(fd, READ, LARGEST, NULL));
	while (!process_in(reader, READ))
		usleep(1000);
	if (use(fd, WRITE, 0, argv[1]))
		return 1;
	waitpid(reader, &status, 0);
	return status != 0;
}

/* -- Waiting for one of several ----------------------------------------------------------------------------------- */

typedef struct Watched {
	int fds[FILES];
	char **paths;
	int count;
	Way way;
	int limit; /* ms */
} Watched;

static int show(const Watched *watched, int i)
{
	printf("%s\n", watched->paths[i]);
	return 1;
}

static int with_poll(const Watched *watched)
{
	struct pollfd polled[FILES];
	int shown = 0;

	for (int i = 0; i < watched->count; i++)
		polled[i] = (struct pollfd){watched->fds[i], watched->way == READ ? POLLIN : POLLOUT, 0};
	if (poll(polled, watched->count, watched->limit) < 0)
		exit(refused());
	for (int i = 0; i < watched->count; i++)
		if (polled[i].revents)
			shown += show(watched, i);
	return shown;
}

static int with_select(const Watched *watched)
{
	struct timeval limit = {watched->limit / 1000, watched->limit % 1000 * 1000};
	fd_set set;
	int shown = 0;

	FD_ZERO(&set);
	for (int i = 0; i < watched->count; i++)
		FD_SET(watched->fds[i], &set);
	if (select(FD_SETSIZE, watched->way == READ ? &set : NULL, watched->way == WRITE ? &set : NULL, NULL, &limit) <
	    0)
		exit(refused());
	for (int i = 0; i < watched->count; i++)
		if (FD_ISSET(watched->fds[i], &set))
			shown += show(watched, i);
	return shown;
}

static int with_epoll_of(const Watched *watched, unsigned more)
{
	struct epoll_event found[FILES];
	int set = epoll_create1(0), n;

	for (int i = 0; i < watched->count; i++) {
		struct epoll_event event = {.events = (watched->way == READ ? EPOLLIN : EPOLLOUT) | more,
					    .data.u32 = i};

		if (epoll_ctl(set, EPOLL_CTL_ADD, watched->fds[i], &event))
			exit(refused());
	}
	n = epoll_wait(set, found, FILES, watched->limit);
	if (n < 0)
		exit(refused());
	for (int i = 0; i < n; i++)
		show(watched, (int)found[i].data.u32);
	return n;
}

static int with_epoll(const Watched *watched)
{
	return with_epoll_of(watched, 0);
}

static int with_epoll_edge(const Watched *watched)
{
	return with_epoll_of(watched, EPOLLET);
}

/* Prints the paths that are ready, or `timeout` and ends with 1. */
static int wait_for(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*wait)(const Watched *watched);
	} calls[] = {
		{"poll", with_poll}, {"select", with_select}, {"epoll", with_epoll}, {"epoll-edge", with_epoll_edge}};
	Watched watched = {.way = way_of(argv[1]), .limit = (int)number(argv[2]), .paths = argv + 3, .count = argc - 3};

	if (watched.count > FILES)
		misused("more than %d paths", FILES);
	for (int i = 0; i < watched.count; i++)
		watched.fds[i] = open_for(watched.paths[i], watched.way, O_NONBLOCK);
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		if (strcmp(calls[i].name, argv[0]) != 0)
			continue;
		/* So that whoever reads this knows that the files are open. */
		fputs("waiting\n", stderr);
		if (calls[i].wait(&watched))
			return 0;
		puts("timeout");
		return 1;
	}
	misused("no such call: %s", argv[0]);
}

const Command file_commands[] = {
	{"read-once", "PATH [SIZE]: one read(2), shown", 1, 2, read_once},
	{"read-lengths", "PATH SIZE COUNT: prints what each of COUNT reads returned", 3, 3, read_lengths},
	{"write-once", "PATH [append]: all of stdin in one write(2); prints what it returned", 1, 2, write_once},
	{"write-text", "PATH TEXT: in one write(2)", 2, 2, write_text},
	{"nonblocking", "PATH read|write [TEXT]: opens with O_NONBLOCK", 2, 3, nonblocking},
	{"nonblocking-later", "PATH read|write [TEXT]: sets O_NONBLOCK after open", 2, 3, nonblocking_later},
	{"interruptible", "PATH read|write [TEXT]: SIGINT gives EINTR", 2, 3, interruptible},
	{"exchange", "PATH TEXT: writes while a child reads from the same open file", 2, 2, exchange},
	{"wait-for", "poll|select|epoll|epoll-edge read|write MS PATH...: prints which are ready", 4, -1, wait_for},
	{0},
};
