/*
 * write+read of one message through the file `data` of a queue, compared with LPUSH+RPOP of Redis on a unix socket,
 * each with one client. The client formats its commands to Redis beforehand and does not parse the answers, so that
 * only the transfer counts.
 */
#include "redis.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

#include "bench.h"

enum { ROUNDS = 11, PAIRS = 3000 };

static pid_t start_redis(const char *path)
{
	pid_t pid = fork();

	need(pid >= 0, "fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
	execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no",
	       "--dir", bench.folder, (char *)NULL);
	_exit(127);
}

/* Returns the descriptor of a connection, or -1 if Redis did not start. */
static int connect_redis(pid_t pid, const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const double start = now();

	g_strlcpy(name.sun_path, path, sizeof name.sun_path);
	while (connect(fd, (struct sockaddr *)&name, sizeof name)) {
		if (waitpid(pid, NULL, WNOHANG) == pid) {
			close(fd);
			return -1;
		}
		need(now() - start < 10, "Redis does not listen within 10 s");
		usleep(1000);
	}
	return fd;
}

/* Sends a command and receives its answer of `length` bytes. */
static void run_command(int fd, const char *command, size_t length)
{
	char answer[256];
	const size_t n = strlen(command);

	need(write(fd, command, n) == (ssize_t)n, "write to Redis");
	for (size_t received = 0; received < length;) {
		ssize_t part = read(fd, answer, sizeof answer);

		need(part > 0 && answer[0] != '-', "answer of Redis");
		received += (size_t)part;
	}
}

static double time_redis(int fd)
{
	/* ":1\r\n", and "$64\r\n" with the message and "\r\n". */
	enum { PUSHED = 4, POPPED = 5 + MESSAGE + 2 };
	static const char pop[] = "*2\r\n$4\r\nRPOP\r\n$1\r\nq\r\n";
	g_autofree char *message = g_strnfill(MESSAGE, 'm');
	g_autofree char *push = g_strdup_printf("*3\r\n$5\r\nLPUSH\r\n$1\r\nq\r\n$%d\r\n%s\r\n", MESSAGE, message);
	double start = now();

	for (int i = 0; i < PAIRS; i++) {
		run_command(fd, push, PUSHED);
		run_command(fd, pop, POPPED);
	}
	return (now() - start) / PAIRS;
}

static double time_queue(int fd)
{
	char message[MESSAGE] = "", buf[4096];
	double start = now();

	for (int i = 0; i < PAIRS; i++) {
		need(write(fd, message, MESSAGE) == MESSAGE, "write");
		need(read(fd, buf, sizeof buf) == MESSAGE, "read");
	}
	return (now() - start) / PAIRS;
}

/* The rounds alternate, so that other load on the machine affects both. */
static void compare(const char *where, int queue, int redis, pid_t server, int cpu)
{
	g_autofree char *what = g_strdup_printf("write+read of data, %s", where);
	g_autofree char *that = g_strdup_printf("LPUSH+RPOP, %s", where);
	g_autofree char *ratio = g_strdup_printf("queue / Redis, %s", where);
	Samples ours = {0}, theirs = {0};

	pin(bench.ipcfs.pid, cpu);
	pin(server, cpu);
	pin(getpid(), cpu);
	time_queue(queue);
	time_redis(redis);
	for (int i = 0; i < ROUNDS; i++) {
		sample(&ours, time_queue(queue));
		sample(&theirs, time_redis(redis));
	}
	print_figure(what, &ours, 1e6, "us");
	print_figure(that, &theirs, 1e6, "us");
	print_ratio(ratio, median(&ours) / median(&theirs), 0.25);
	pin(bench.ipcfs.pid, -1);
	pin(server, -1);
	pin(getpid(), -1);
}

void bench_redis(void)
{
	g_autofree char *path = g_build_filename(bench.folder, "redis", NULL);
	g_autofree char *data = NULL;
	pid_t server = start_redis(path);
	int redis = connect_redis(server, path), queue;

	heading("One 64-byte message through a queue, and through Redis on a unix socket");
	if (redis < 0) {
		puts("  redis-server is not installed: skipping this section");
		return;
	}
	fresh_queue("bench");
	data = queue_path("bench", "data");
	queue = open(data, O_RDWR | O_CLOEXEC);
	need(queue >= 0, data);
	compare("any core", queue, redis, server, -1);
	compare("one core", queue, redis, server, 0);
	close(queue);
	close(redis);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}
