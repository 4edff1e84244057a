/* The shared functions of the program `pipes`: see pipes.h. */
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

const char *directory;
char path[PATH_MAX];
char buffer[1 << 20];

static volatile sig_atomic_t sigpipes;

void count_signal(int signal)
{
	if (signal == SIGPIPE)
		sigpipes++;
}

static void die(const char *what)
{
	fprintf(stderr, "pipes: %s: %s\n", what, strerror(errno));
	exit(2);
}

int must(int result, const char *what)
{
	if (result < 0)
		die(what);
	return result;
}

void set_nonblocking(int fd, bool on)
{
	must(fcntl(fd, F_SETFL, on ? O_NONBLOCK : 0), "fcntl");
}

static void print_result(const char *verb, size_t size, ssize_t n, int error)
{
	printf(" %s(%zu)=", verb, size);
	if (n < 0)
		printf("%s", strerrorname_np(error));
	else
		printf("%zd", n);
	if (sigpipes)
		printf("+SIGPIPE*%d", (int)sigpipes);
	sigpipes = 0;
}

void do_read(int fd, size_t size)
{
	ssize_t n = read(fd, buffer, size);

	print_result("read", size, n, errno);
}

void do_write(int fd, size_t size)
{
	ssize_t n = write(fd, buffer, size);

	print_result("write", size, n, errno);
}

void do_poll(int fd, short events, int timeout)
{
	static const struct {
		short bit;
		const char *name;
	} names[] = {{POLLIN, "IN"},   {POLLOUT, "OUT"},       {POLLERR, "ERR"},
		     {POLLHUP, "HUP"}, {POLLRDNORM, "RDNORM"}, {POLLWRNORM, "WRNORM"}};
	struct pollfd poll_fd = {.fd = fd, .events = events};
	int n = poll(&poll_fd, 1, timeout);

	printf(" poll=%d", n);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (poll_fd.revents & names[i].bit)
			printf(",%s", names[i].name);
}

/* Waits until the process has slept for 30 ms, which is longer than the sleep of a single FUSE request. */
void wait_until_asleep(pid_t pid)
{
	char file[64], line[256], state;
	int seen = 0;

	snprintf(file, sizeof file, "/proc/%d/stat", (int)pid);
	for (int i = 0; i < 20000; i++) {
		FILE *stat = fopen(file, "re");
		char *after = stat && fgets(line, sizeof line, stat) ? strrchr(line, ')') : NULL;

		if (stat)
			fclose(stat);
		seen = after && sscanf(after + 1, " %c", &state) == 1 && state == 'S' ? seen + 1 : 0;
		if (seen == 30)
			return;
		usleep(1000);
	}
	fputs("pipes: the child does not block\n", stderr);
	exit(2);
}

pid_t fork_child(void)
{
	fflush(stdout);
	return must(fork(), "fork");
}

void __attribute__((noreturn)) exit_child(int status)
{
	fflush(stdout);
	_exit(status);
}

void reap(pid_t pid)
{
	int status;

	must(waitpid(pid, &status, 0), "waitpid");
	if (WIFSIGNALED(status))
		printf(" child:%s", sigabbrev_np(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		printf(" child:%d", WEXITSTATUS(status));
}

void set_timer(int ms)
{
	const struct itimerval value = {.it_value = {.tv_usec = ms * 1000}, .it_interval = {.tv_usec = ms * 1000}};

	setitimer(ITIMER_REAL, &value, NULL);
}
