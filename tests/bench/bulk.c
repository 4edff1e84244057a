/* The section `bulk`: a million messages through the file `lines`, compared with msgsnd(2) and msgrcv(2). */
#include "bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

enum { MESSAGES = 1000000, LINE = MESSAGE + 1, ROUNDS = 3, READ = 1 << 20 };

typedef struct Text {
	long type;
	char bytes[MESSAGE];
} Text;

static void send_native(int id, int n)
{
	Text message = {.type = 1};

	memset(message.bytes, 'x', MESSAGE);
	for (int i = 0; i < n; i++)
		need(msgsnd(id, &message, MESSAGE, 0) == 0, "msgsnd");
}

static void receive_native(int id, int n)
{
	Text message;

	for (int i = 0; i < n; i++)
		need(msgrcv(id, &message, MESSAGE, 0, 0) == MESSAGE, "msgrcv");
}

static char *make_lines(int n)
{
	char *lines = g_malloc((size_t)n * LINE);

	memset(lines, 'x', (size_t)n * LINE);
	for (int i = 1; i <= n; i++)
		lines[i * LINE - 1] = '\n';
	return lines;
}

static void write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t n = write(fd, bytes, length);

		need(n > 0, "write to lines");
		bytes += n;
		length -= (size_t)n;
	}
}

static void send_lines(int fd, size_t block)
{
	int each = (int)(block / LINE);
	g_autofree char *lines = make_lines(each);

	for (int left = MESSAGES; left > 0; left -= each)
		write_all(fd, lines, (size_t)MIN(left, each) * LINE);
}

static void receive_lines(int fd, size_t bytes)
{
	g_autofree char *buf = g_malloc(READ);

	while (bytes) {
		ssize_t n = read(fd, buf, READ);

		need(n > 0 && (size_t)n <= bytes, "read from lines");
		bytes -= (size_t)n;
	}
}

/* A child sends, and this process receives. */
static double time_native(int id)
{
	double start = now();
	pid_t writer = fork();

	need(writer >= 0, "fork");
	if (writer == 0) {
		send_native(id, MESSAGES);
		_exit(0);
	}
	receive_native(id, MESSAGES);
	waitpid(writer, NULL, 0);
	return now() - start;
}

static double time_lines(const char *path, size_t block)
{
	int reads = open(path, O_RDONLY), writes = open(path, O_WRONLY);
	double start = now();
	pid_t writer;

	need(reads >= 0 && writes >= 0, path);
	writer = fork();
	need(writer >= 0, "fork");
	if (writer == 0) {
		send_lines(writes, block);
		_exit(0);
	}
	receive_lines(reads, (size_t)MESSAGES * LINE);
	waitpid(writer, NULL, 0);
	start = now() - start;
	close(reads);
	close(writes);
	return start;
}

/* One process fills the queue and empties it, `n` messages at a time, and never blocks. */
static double time_native_alone(int id, int n)
{
	double start = now();

	for (int left = MESSAGES; left > 0; left -= n) {
		send_native(id, MIN(n, left));
		receive_native(id, MIN(n, left));
	}
	return now() - start;
}

static double time_lines_alone(const char *path, int n)
{
	g_autofree char *lines = make_lines(n);
	int fd = open(path, O_RDWR);
	double start = now();

	need(fd >= 0, path);
	for (int left = MESSAGES; left > 0; left -= n) {
		write_all(fd, lines, (size_t)MIN(n, left) * LINE);
		receive_lines(fd, (size_t)MIN(n, left) * LINE);
	}
	start = now() - start;
	close(fd);
	return start;
}

static void compare(const char *where, int full)
{
	int id = fresh_queue("bulk");
	g_autofree char *path = queue_path("bulk", "lines");
	g_autofree char *title =
		g_strdup_printf("A million 64-byte messages, %d of them fill the queue, %s", full, where);
	Samples native = {0}, small = {0}, large = {0}, native_alone = {0}, alone = {0};

	heading(title);
	for (int i = 0; i < ROUNDS; i++) {
		sample(&native, time_native(id));
		sample(&small, time_lines(path, 64 << 10));
		sample(&large, time_lines(path, 1 << 20));
		sample(&native_alone, time_native_alone(id, full));
		sample(&alone, time_lines_alone(path, full));
	}
	print_figure("msgsnd and msgrcv, two processes", &native, 1, "s");
	print_figure("lines, two processes, writes of 64 KiB", &small, 1, "s");
	print_figure("lines, two processes, writes of 1 MiB", &large, 1, "s");
	print_ratio("lines / native, two processes, 64 KiB", median(&small) / median(&native), 1.5);
	print_ratio("lines / native, two processes, 1 MiB", median(&large) / median(&native), 1.5);
	print_figure("msgsnd and msgrcv, one process, a full queue at a time", &native_alone, 1, "s");
	print_figure("lines, one process, a full queue at a time", &alone, 1, "s");
	print_ratio("lines / native, one process", median(&alone) / median(&native_alone), 1.5);
}

void bench_bulk(void)
{
	compare("any core", 16384 / MESSAGE);
	pin(bench.ipcfs.pid, 0);
	pin(getpid(), 0);
	compare("one core", 16384 / MESSAGE);
	pin(bench.ipcfs.pid, -1);
	pin(getpid(), -1);
}
