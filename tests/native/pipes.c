/*
 * pipes: one table of what the two ends of a pipe do, printed for a pipe(2), a FIFO, or a pipe of ipcfs, to be compared line by
 * line. Every case makes a pipe of its own, and most of them fork.
 *
 *	pipes ends native		pipe(2)
 *	pipes ends fifo DIRECTORY	FIFOs made there
 *	pipes ends pipe DIRECTORY	pipes made there by mkdir
 *	pipes fifo DIRECTORY		what only FIFOs have: opening them, names
 *	pipes is-opening PID		whether a process is in open(2) now
 */
#include "pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static enum { NATIVE, FIFO, PIPE } kind;

/* -- One pipe ------------------------------------------------------------------------------------------------------- */

static void open_pair(int ends[2])
{
	static int number;
	char file[PATH_MAX + 8];

	snprintf(path, sizeof path, "%s/table-%d-%d", place ? place : "", (int)getpid(), ++number);
	if (kind == NATIVE) {
		must(pipe(ends), "pipe");
	} else if (kind == FIFO) {
		must(mkfifo(path, 0600), "mkfifo");
		ends[0] = must(open(path, O_RDONLY | O_NONBLOCK), "open");
		ends[1] = must(open(path, O_WRONLY), "open");
		must(fcntl(ends[0], F_SETFL, 0), "fcntl");
	} else {
		must(mkdir(path, 0700), "mkdir");
		snprintf(file, sizeof file, "%s/read", path);
		ends[0] = must(open(file, O_RDONLY), "open");
		snprintf(file, sizeof file, "%s/write", path);
		ends[1] = must(open(file, O_WRONLY), "open");
	}
}

static void close_pair(int ends[2])
{
	close(ends[0]);
	close(ends[1]);
	if (kind == FIFO)
		must(unlink(path), "unlink");
	else if (kind == PIPE)
		must(rmdir(path), "rmdir");
}

/* -- The cases ------------------------------------------------------------------------------------------------------ */

static void plain(int r, int w)
{
	do_write(w, 5);
	do_write(w, 7);
	do_read(r, 3);
	do_read(r, 100);
	do_read(r, 0);
	do_write(w, 0);
}

static void end_of_file(int r, int w)
{
	do_write(w, 3);
	close(w);
	do_poll(r, POLLIN, 0);
	do_read(r, 100);
	do_poll(r, POLLIN, 0);
	do_read(r, 100);
	do_read(r, 100);
}

static void broken(int r, int w)
{
	do_write(w, 3);
	close(r);
	do_poll(w, POLLOUT, 0);
	do_write(w, 1);
	do_write(w, BIG);
	do_write(w, 0);
}

static void broken_kills(int r, int w)
{
	pid_t pid = child();

	if (pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		close(r);
		while (write(w, bytes, 1000) == 1000)
			continue;
		_exit(1);
	}
	do_read(r, 100);
	close(r);
	reap(pid);
}

static void broken_ignored(int r, int w)
{
	signal(SIGPIPE, SIG_IGN);
	close(r);
	do_write(w, 1);
	signal(SIGPIPE, count_signal);
}

static void empty(int r, int w)
{
	(void)w;
	nonblocking(r, true);
	do_read(r, 1);
	do_poll(r, POLLIN, 0);
	do_poll(w, POLLOUT, 0);
}

static void full(int r, int w)
{
	size_t total = 0;
	ssize_t n;

	nonblocking(w, true);
	while ((n = write(w, bytes, 1000)) > 0)
		total += (size_t)n;
	printf(" filled=%zu", total);
	do_write(w, 1);
	do_poll(w, POLLOUT, 0);
	do_read(r, 1);
	do_poll(w, POLLOUT, 0);
	do_write(w, 1);
	do_read(r, PAGE - 1);
	do_poll(w, POLLOUT, 0);
	do_write(w, PAGE);
	do_poll(w, POLLOUT, 0);
}

/* One byte in the last page of the ring: 4095 fit there, 4096 do not, and PIPE_BUF is whole or nothing. */
static void atomic(int r, int w)
{
	nonblocking(w, true);
	do_write(w, 15 * PAGE + 1);
	do_poll(w, POLLOUT, 0);
	do_write(w, PAGE);
	do_write(w, PAGE - 1);
	do_write(w, 1);
	do_read(r, ROOM);
	do_write(w, BIG);
	do_read(r, ROOM);
}

/* A blocked write of a page is woken by a page, not by less. */
static void atomic_wakes(int r, int w)
{
	pid_t pid;

	do_write(w, 15 * PAGE + 1);
	pid = child();
	if (pid == 0) {
		do_write(w, PAGE);
		done(0);
	}
	until_asleep(pid);
	do_read(r, 1);
	until_asleep(pid);
	do_read(r, PAGE - 1);
	reap(pid);
	do_read(r, ROOM);
}

static void blocking_write(int r, int w)
{
	size_t total = 0;
	ssize_t n;
	pid_t pid = child();

	if (pid == 0) {
		close(r);
		do_write(w, BIG);
		do_write(w, sizeof bytes);
		done(0);
	}
	close(w);
	while ((n = read(r, bytes, 7777)) > 0)
		total += (size_t)n;
	printf(" total=%zu", total);
	reap(pid);
}

static void blocking_read(int r, int w)
{
	pid_t pid = child();

	if (pid == 0) {
		close(w);
		do_read(r, 100);
		do_read(r, 100);
		done(0);
	}
	until_asleep(pid);
	do_write(w, 5);
	until_asleep(pid);
	close(w);
	reap(pid);
}

/* The end comes with the last of several writers. */
static void last_writer(int r, int w)
{
	pid_t pid = child();

	if (pid == 0) {
		do_write(w, 1);
		done(0);
	}
	reap(pid);
	nonblocking(r, true);
	do_read(r, 10);
	do_read(r, 10);
	close(w);
	do_read(r, 10);
}

/* The pipe breaks with the last of several readers. */
static void last_reader(int r, int w)
{
	int go[2];
	pid_t pid;

	must(pipe(go), "pipe");
	pid = child();
	if (pid == 0) {
		close(go[1]);
		must((int)read(go[0], bytes, 1), "read");
		_exit(0);
	}
	close(r);
	do_write(w, 1);
	close(go[1]);
	reap(pid);
	close(go[0]);
	do_write(w, 1);
}

/* The reader leaves in the middle of a write: what went well is told, and SIGPIPE comes all the same. */
static void part_broken(int r, int w)
{
	pid_t pid = child();

	if (pid == 0) {
		close(r);
		do_write(w, BIG);
		do_write(w, BIG);
		done(0);
	}
	until_asleep(pid);
	close(r);
	reap(pid);
}

static void read_interrupted(int r, int w)
{
	(void)w;
	timer(20);
	do_read(r, 10);
	timer(0);
}

static void write_interrupted(int r, int w)
{
	timer(50);
	do_write(w, BIG);
	do_write(w, 1);
	timer(0);
	do_read(r, BIG);
}

static void killed(int r, int w)
{
	pid_t pid = child();

	if (pid == 0) {
		do_read(r, 10);
		done(0);
	}
	until_asleep(pid);
	kill(pid, SIGKILL);
	reap(pid);
	do_write(w, 3);
	do_read(r, 10);
}

static void wrong_way(int r, int w)
{
	do_read(w, 1);
	do_write(r, 1);
	printf(" seek=%s", lseek(r, 0, SEEK_SET) < 0 ? strerrorname_np(errno) : "works");
	printf(" pread=%s", pread(r, bytes, 1, 0) < 0 ? strerrorname_np(errno) : "works");
}

static void poll_wakes(int r, int w)
{
	pid_t pid = child();

	if (pid == 0) {
		do_poll(r, POLLIN, 20000);
		do_read(r, 10);
		close(w);
		do_poll(r, POLLIN, 20000);
		done(0);
	}
	until_asleep(pid);
	do_write(w, 5);
	until_asleep(pid);
	close(w);
	reap(pid);
}

static void poll_wakes_writer(int r, int w)
{
	pid_t pid;

	nonblocking(w, true);
	do_write(w, BIG);
	pid = child();
	if (pid == 0) {
		do_poll(w, POLLOUT, 20000);
		done(0);
	}
	until_asleep(pid);
	do_read(r, ROOM);
	reap(pid);
}

/* POLLERR and POLLHUP need no asking: how a writer learns that nobody listens any more. */
static void poll_unasked(int r, int w)
{
	pid_t pid = child();

	if (pid == 0) {
		close(r);
		do_poll(w, 0, 20000);
		done(0);
	}
	until_asleep(pid);
	close(r);
	reap(pid);
}

static void poll_unasked_reader(int r, int w)
{
	pid_t pid = child();

	if (pid == 0) {
		close(w);
		do_poll(r, 0, 20000);
		done(0);
	}
	until_asleep(pid);
	do_write(w, 1);
	close(w);
	reap(pid);
}

static void epoll(int r, int w)
{
	int set = must(epoll_create1(0), "epoll_create1");
	struct epoll_event event = {.events = EPOLLIN};

	must(epoll_ctl(set, EPOLL_CTL_ADD, r, &event), "epoll_ctl");
	for (int i = 0; i < 3; i++) {
		printf(" wait=%d", epoll_wait(set, &event, 1, 0));
		do_write(w, 5);
		printf(" wait=%d,%x", epoll_wait(set, &event, 1, 20000), event.events);
		do_read(r, 5);
	}
	close(w);
	printf(" wait=%d,%x", epoll_wait(set, &event, 1, 20000), event.events);
	close(set);
}

/* Records of PIPE_BUF from two writers are never mixed. */
static void records(int r, int w)
{
	size_t at = 0, mixed = 0;
	ssize_t n;
	char letter = 0;
	pid_t pids[2];

	for (int i = 0; i < 2; i++) {
		pids[i] = child();
		if (pids[i] == 0) {
			memset(bytes, 'a' + i, PAGE);
			for (int j = 0; j < 500; j++)
				if (write(w, bytes, PAGE) != PAGE)
					_exit(1);
			_exit(0);
		}
	}
	close(w);
	while ((n = read(r, bytes, 3333)) > 0) {
		for (ssize_t i = 0; i < n; i++, at++) {
			if (at % PAGE == 0)
				letter = bytes[i];
			mixed += bytes[i] != letter;
		}
	}
	printf(" total=%zu mixed=%zu", at, mixed);
	reap(pids[0]);
	reap(pids[1]);
}

static const struct {
	const char *name;
	void (*run)(int r, int w);
} cases[] = {
	{"plain", plain},
	{"end of file", end_of_file},
	{"broken", broken},
	{"broken, SIGPIPE kills", broken_kills},
	{"broken, SIGPIPE ignored", broken_ignored},
	{"empty", empty},
	{"full", full},
	{"PIPE_BUF is atomic", atomic},
	{"PIPE_BUF waits for a page", atomic_wakes},
	{"a write waits", blocking_write},
	{"a read waits", blocking_read},
	{"last writer", last_writer},
	{"last reader", last_reader},
	{"broken in a write", part_broken},
	{"a read is interrupted", read_interrupted},
	{"a write is interrupted", write_interrupted},
	{"killed", killed},
	{"wrong way", wrong_way},
	{"poll for bytes", poll_wakes},
	{"poll for room", poll_wakes_writer},
	{"poll unasked, no reader", poll_unasked},
	{"poll unasked, no writer", poll_unasked_reader},
	{"epoll", epoll},
	{"records of two", records},
};

static int ends(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int pair[2];

		open_pair(pair);
		printf("%s:", cases[i].name);
		cases[i].run(pair[0], pair[1]);
		putchar('\n');
		close_pair(pair);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = count_signal};

	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	sigaction(SIGPIPE, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	umask(0);
	place = argc > 2 ? argv[argc - 1] : NULL;
	if (argc == 3 && strcmp(argv[1], "ends") == 0 && strcmp(argv[2], "native") == 0)
		return ends();
	kind = argc == 4 && strcmp(argv[2], "pipe") == 0 ? PIPE : FIFO;
	if (argc == 4 && strcmp(argv[1], "ends") == 0)
		return ends();
	if (argc == 3 && strcmp(argv[1], "fifo") == 0)
		return only_fifos();
	if (argc == 3 && strcmp(argv[1], "is-opening") == 0)
		return is_opening(argv[2]);
	fputs("usage: pipes ends native | pipes ends pipe|fifo DIRECTORY | pipes fifo DIRECTORY | pipes is-opening PID\n",
	      stderr);
	return 2;
}
