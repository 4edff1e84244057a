/*
 * The cases of the table that `pipes ends` prints. Each gets the two ends of a new pipe, to read and to write, and prints the
 * results of its system calls.
 */
#include "pipes.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

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

static void no_reader(int r, int w)
{
	do_write(w, 3);
	close(r);
	do_poll(w, POLLOUT, 0);
	do_write(w, 1);
	do_write(w, BIG);
	do_write(w, 0);
}

static void no_reader_kills(int r, int w)
{
	pid_t pid = fork_child();

	if (pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		close(r);
		while (write(w, buffer, 1000) == 1000)
			continue;
		_exit(1);
	}
	do_read(r, 100);
	close(r);
	reap(pid);
}

static void no_reader_ignored(int r, int w)
{
	signal(SIGPIPE, SIG_IGN);
	close(r);
	do_write(w, 1);
	signal(SIGPIPE, count_signal);
}

static void empty(int r, int w)
{
	(void)w;
	set_nonblocking(r, true);
	do_read(r, 1);
	do_poll(r, POLLIN, 0);
	do_poll(w, POLLOUT, 0);
}

static void full(int r, int w)
{
	size_t total = 0;
	ssize_t n;

	set_nonblocking(w, true);
	while ((n = write(w, buffer, 1000)) > 0)
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

/*
 * The last page of the ring holds one byte. 4095 bytes fit into it and 4096 do not; a write of up to PIPE_BUF is
 * atomic.
 */
static void atomic(int r, int w)
{
	set_nonblocking(w, true);
	do_write(w, 15 * PAGE + 1);
	do_poll(w, POLLOUT, 0);
	do_write(w, PAGE);
	do_write(w, PAGE - 1);
	do_write(w, 1);
	do_read(r, ROOM);
	do_write(w, BIG);
	do_read(r, ROOM);
}

/* A blocked write of a page wakes when a whole page is free, not earlier. */
static void atomic_wakes(int r, int w)
{
	pid_t pid;

	do_write(w, 15 * PAGE + 1);
	pid = fork_child();
	if (pid == 0) {
		do_write(w, PAGE);
		exit_child(0);
	}
	wait_until_asleep(pid);
	do_read(r, 1);
	wait_until_asleep(pid);
	do_read(r, PAGE - 1);
	reap(pid);
	do_read(r, ROOM);
}

static void blocking_write(int r, int w)
{
	size_t total = 0;
	ssize_t n;
	pid_t pid = fork_child();

	if (pid == 0) {
		close(r);
		do_write(w, BIG);
		do_write(w, sizeof buffer);
		exit_child(0);
	}
	close(w);
	while ((n = read(r, buffer, 7777)) > 0)
		total += (size_t)n;
	printf(" total=%zu", total);
	reap(pid);
}

static void blocking_read(int r, int w)
{
	pid_t pid = fork_child();

	if (pid == 0) {
		close(w);
		do_read(r, 100);
		do_read(r, 100);
		exit_child(0);
	}
	wait_until_asleep(pid);
	do_write(w, 5);
	wait_until_asleep(pid);
	close(w);
	reap(pid);
}

/* End of file follows the close of the last of several writers. */
static void last_writer(int r, int w)
{
	pid_t pid = fork_child();

	if (pid == 0) {
		do_write(w, 1);
		exit_child(0);
	}
	reap(pid);
	set_nonblocking(r, true);
	do_read(r, 10);
	do_read(r, 10);
	close(w);
	do_read(r, 10);
}

/* EPIPE follows the close of the last of several readers. */
static void last_reader(int r, int w)
{
	int release[2];
	pid_t pid;

	must(pipe(release), "pipe");
	pid = fork_child();
	if (pid == 0) {
		close(release[1]);
		must((int)read(release[0], buffer, 1), "read");
		_exit(0);
	}
	close(r);
	do_write(w, 1);
	close(release[1]);
	reap(pid);
	close(release[0]);
	do_write(w, 1);
}

/*
 * The reader closes during a write: the write returns the number of bytes in the pipe, and the thread still receives
 * SIGPIPE.
 */
static void reader_closes(int r, int w)
{
	pid_t pid = fork_child();

	if (pid == 0) {
		close(r);
		do_write(w, BIG);
		do_write(w, BIG);
		exit_child(0);
	}
	wait_until_asleep(pid);
	close(r);
	reap(pid);
}

static void read_interrupted(int r, int w)
{
	(void)w;
	set_timer(20);
	do_read(r, 10);
	set_timer(0);
}

static void write_interrupted(int r, int w)
{
	set_timer(50);
	do_write(w, BIG);
	do_write(w, 1);
	set_timer(0);
	do_read(r, BIG);
}

static void killed(int r, int w)
{
	pid_t pid = fork_child();

	if (pid == 0) {
		do_read(r, 10);
		exit_child(0);
	}
	wait_until_asleep(pid);
	kill(pid, SIGKILL);
	reap(pid);
	do_write(w, 3);
	do_read(r, 10);
}

static void wrong_direction(int r, int w)
{
	do_read(w, 1);
	do_write(r, 1);
	printf(" seek=%s", lseek(r, 0, SEEK_SET) < 0 ? strerrorname_np(errno) : "works");
	printf(" pread=%s", pread(r, buffer, 1, 0) < 0 ? strerrorname_np(errno) : "works");
}

static void poll_wakes(int r, int w)
{
	pid_t pid = fork_child();

	if (pid == 0) {
		do_poll(r, POLLIN, -1);
		do_read(r, 10);
		close(w);
		do_poll(r, POLLIN, -1);
		exit_child(0);
	}
	wait_until_asleep(pid);
	do_write(w, 5);
	wait_until_asleep(pid);
	close(w);
	reap(pid);
}

static void poll_wakes_writer(int r, int w)
{
	pid_t pid;

	set_nonblocking(w, true);
	do_write(w, BIG);
	pid = fork_child();
	if (pid == 0) {
		do_poll(w, POLLOUT, -1);
		exit_child(0);
	}
	wait_until_asleep(pid);
	do_read(r, ROOM);
	reap(pid);
}

/* poll(2) reports POLLERR and POLLHUP even if `events` is 0, so that a writer notices the close of the last reader. */
static void poll_no_events(int r, int w)
{
	pid_t pid = fork_child();

	if (pid == 0) {
		close(r);
		do_poll(w, 0, -1);
		exit_child(0);
	}
	wait_until_asleep(pid);
	close(r);
	reap(pid);
}

static void poll_no_events_reader(int r, int w)
{
	pid_t pid = fork_child();

	if (pid == 0) {
		close(w);
		do_poll(r, 0, -1);
		exit_child(0);
	}
	wait_until_asleep(pid);
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
		printf(" wait=%d,%x", epoll_wait(set, &event, 1, -1), event.events);
		do_read(r, 5);
	}
	close(w);
	printf(" wait=%d,%x", epoll_wait(set, &event, 1, -1), event.events);
	close(set);
}

/* The bytes of writes of PIPE_BUF from two writers are never interleaved. */
static void two_writers(int r, int w)
{
	size_t count = 0, mixed = 0;
	ssize_t n;
	char letter = 0;
	pid_t pids[2];

	for (int i = 0; i < 2; i++) {
		pids[i] = fork_child();
		if (pids[i] == 0) {
			memset(buffer, 'a' + i, PAGE);
			for (int j = 0; j < 500; j++)
				if (write(w, buffer, PAGE) != PAGE)
					_exit(1);
			_exit(0);
		}
	}
	close(w);
	while ((n = read(r, buffer, 3333)) > 0) {
		for (ssize_t i = 0; i < n; i++, count++) {
			if (count % PAGE == 0)
				letter = buffer[i];
			mixed += buffer[i] != letter;
		}
	}
	printf(" total=%zu mixed=%zu", count, mixed);
	reap(pids[0]);
	reap(pids[1]);
}

const PipeCase pipe_cases[] = {
	{"plain", plain},
	{"end of file", end_of_file},
	{"no reader", no_reader},
	{"no reader, SIGPIPE kills", no_reader_kills},
	{"no reader, SIGPIPE ignored", no_reader_ignored},
	{"empty", empty},
	{"full", full},
	{"PIPE_BUF is atomic", atomic},
	{"a write of PIPE_BUF blocks until a page is free", atomic_wakes},
	{"a write blocks", blocking_write},
	{"a read blocks", blocking_read},
	{"the last writer closes", last_writer},
	{"the last reader closes", last_reader},
	{"the reader closes during a write", reader_closes},
	{"a read is interrupted", read_interrupted},
	{"a write is interrupted", write_interrupted},
	{"a reader is killed", killed},
	{"wrong direction", wrong_direction},
	{"poll for bytes", poll_wakes},
	{"poll for room", poll_wakes_writer},
	{"poll without events, no reader", poll_no_events},
	{"poll without events, no writer", poll_no_events_reader},
	{"epoll", epoll},
	{"records of two writers", two_writers},
	{NULL, NULL},
};
