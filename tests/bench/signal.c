/*
 * signal TREE: measures the time to send a signal with kill(2), with a write to an open file, with open, write and
 * close, and with /bin/kill. The program prints figures and ratios, and judges none. The receiving process ignores the
 * signal.
 */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FAST = 20000, SLOW = 200 };

static pid_t target;
static char path[4096];
static int open_file;

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int send_by_kill(void)
{
	return kill(target, SIGURG);
}

static int send_by_open_file(void)
{
	return write(open_file, "URG\n", 4) == 4 ? 0 : -1;
}

static int send_by_file(void)
{
	int fd = open(path, O_WRONLY);
	int result = write(fd, "URG\n", 4) == 4 ? 0 : -1;

	close(fd);
	return result;
}

static int send_by_program(void)
{
	char number[16], *argv[] = {"kill", "-URG", number, NULL}, *environment[] = {NULL};
	pid_t pid;
	int status;

	snprintf(number, sizeof number, "%d", (int)target);
	if (posix_spawn(&pid, "/bin/kill", NULL, NULL, argv, environment))
		return -1;
	waitpid(pid, &status, 0);
	return status;
}

static double measure(const char *what, int (*send)(void), int times, double kill_us)
{
	double began = now_us(), each_us;

	for (int i = 0; i < times; i++) {
		if (send() != 0) {
			perror(what);
			exit(1);
		}
	}
	each_us = (now_us() - began) / times;
	printf("%-28s %9.2f us", what, each_us);
	if (kill_us > 0)
		printf("  %8.1f times kill(2)", each_us / kill_us);
	putchar('\n');
	return each_us;
}

int main(int argc, char **argv)
{
	double kill_us, file_us, program_us;

	if (argc != 2) {
		fprintf(stderr, "usage: signal TREE\n");
		return 2;
	}
	target = fork();
	if (target == 0)
		for (;;)
			pause();
	snprintf(path, sizeof path, "%s/signal/%d/send", argv[1], (int)target);
	open_file = open(path, O_WRONLY);
	kill_us = measure("kill(2)", send_by_kill, FAST, 0);
	measure("write to an open file", send_by_open_file, FAST, kill_us);
	file_us = measure("open, write, close", send_by_file, FAST / 10, kill_us);
	program_us = measure("/bin/kill", send_by_program, SLOW, kill_us);
	printf("%-28s %9.2f\n", "open, write, close / program", file_us / program_us);
	kill(target, SIGKILL);
	waitpid(target, NULL, 0);
	return 0;
}
