/*
 * bench-pipes IPCFS: measures the transfer of bulk bytes from process to process. A pipe of ipcfs is compared with a
 * native pipe, and with socat between two native pipes if socat is installed; a FIFO in the tree is compared with a
 * FIFO outside. The program needs root. It prints figures and judges none.
 *
 * The rounds alternate between the ways. The program prints the medians in MB/s, and ratios of medians.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 11, LARGEST = 1 << 20 };
static const size_t total = (size_t)256 << 20;

static char folder[] = "/tmp/bench-pipes.XXXXXX", mountpoint[64];
static char buffer[LARGEST] __attribute__((aligned(4096)));

static void need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "bench-pipes: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* -- Ends ----------------------------------------------------------------------------------------------------------- */

/* The ends of one way from process to process. `relay` is the pid of a socat between two pipes, or 0. */
typedef struct Ends {
	int in, out;
	pid_t relay;
} Ends;

static Ends ends_native(size_t block)
{
	int ends[2];

	(void)block;
	need(pipe2(ends, O_CLOEXEC) == 0, "pipe2");
	return (Ends){.in = ends[1], .out = ends[0]};
}

static Ends ends_socat(size_t block)
{
	Ends first = ends_native(block), second = ends_native(block);
	char size[16];
	pid_t pid = fork();

	need(pid >= 0, "fork");
	if (pid == 0) {
		snprintf(size, sizeof size, "%zu", block);
		dup2(first.out, STDIN_FILENO);
		dup2(second.in, STDOUT_FILENO);
		execlp("socat", "socat", "-u", "-b", size, "-", "-", (char *)NULL);
		_exit(127);
	}
	close(first.out);
	close(second.in);
	return (Ends){.in = first.in, .out = second.out, .relay = pid};
}

static void set_capacity(const char *bytes)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof path, "%s/pipe/bench/capacity", mountpoint);
	file = fopen(path, "we");
	need(file && fputs(bytes, file) >= 0 && fclose(file) == 0, path);
}

static Ends ends_pipe(size_t block)
{
	char path[128];
	Ends ends = {0};

	(void)block;
	snprintf(path, sizeof path, "%s/pipe/bench/read", mountpoint);
	ends.out = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof path, "%s/pipe/bench/write", mountpoint);
	ends.in = open(path, O_WRONLY | O_CLOEXEC);
	need(ends.in >= 0 && ends.out >= 0, path);
	return ends;
}

static Ends ends_fifo_at(const char *path)
{
	Ends ends = {0};

	/* First the reader: opening a FIFO for writing waits for a reader. */
	ends.out = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ends.in = open(path, O_WRONLY | O_CLOEXEC);
	need(ends.in >= 0 && ends.out >= 0 && fcntl(ends.out, F_SETFL, 0) == 0, path);
	return ends;
}

static Ends ends_fifo_inside(size_t block)
{
	char path[128];

	(void)block;
	snprintf(path, sizeof path, "%s/fifo/bench", mountpoint);
	return ends_fifo_at(path);
}

static Ends ends_fifo_outside(size_t block)
{
	char path[128];

	(void)block;
	snprintf(path, sizeof path, "%s/fifo", folder);
	return ends_fifo_at(path);
}

/* -- Measuring ------------------------------------------------------------------------------------------------------ */

/* Returns the MB/s of one transfer. */
static double measure_rate(Ends (*open_ends)(size_t block), size_t block)
{
	const Ends ends = open_ends(block);
	const double began = now();
	size_t done = 0;
	ssize_t n;
	pid_t pid = fork();

	need(pid >= 0, "fork");
	if (pid == 0) {
		close(ends.out);
		for (size_t sent = 0; sent < total; sent += (size_t)n) {
			n = write(ends.in, buffer, block);
			need(n > 0, "write");
		}
		_exit(0);
	}
	close(ends.in);
	while ((n = read(ends.out, buffer, block)) > 0)
		done += (size_t)n;
	need(n == 0 && done == total, "read");
	close(ends.out);
	need(waitpid(pid, NULL, 0) == pid, "waitpid");
	if (ends.relay)
		need(waitpid(ends.relay, NULL, 0) == ends.relay, "waitpid");
	return (double)total / 1e6 / (now() - began);
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof *values, compare);
	return values[ROUNDS / 2];
}

static void compare_pipes(size_t block, bool socat)
{
	double native[ROUNDS], small_pipe[ROUNDS], large_pipe[ROUNDS], relayed[ROUNDS];
	double native_rate, socat_rate = 0;

	for (int round = 0; round < ROUNDS; round++) {
		native[round] = measure_rate(ends_native, block);
		set_capacity("64K");
		small_pipe[round] = measure_rate(ends_pipe, block);
		set_capacity("1M");
		large_pipe[round] = measure_rate(ends_pipe, block);
		if (socat)
			relayed[round] = measure_rate(ends_socat, block);
	}
	native_rate = median(native);
	if (socat)
		socat_rate = median(relayed);
	printf("blocks of %zu KiB\n", block >> 10);
	printf("  native pipe           %7.0f MB/s\n", native_rate);
	if (socat)
		printf("  native, socat between %7.0f MB/s   %4.2f of native\n", socat_rate, socat_rate / native_rate);
	for (int i = 0; i < 2; i++) {
		const double value = median(i ? large_pipe : small_pipe);

		printf("  pipe, capacity %-6s %7.0f MB/s   %4.2f of native", i ? "1M" : "64K", value,
		       value / native_rate);
		if (socat)
			printf("   %4.2f of socat", value / socat_rate);
		putchar('\n');
	}
}

static void compare_fifos(size_t block)
{
	double inside[ROUNDS], outside[ROUNDS];
	double in, out;

	for (int round = 0; round < ROUNDS; round++) {
		outside[round] = measure_rate(ends_fifo_outside, block);
		inside[round] = measure_rate(ends_fifo_inside, block);
	}
	in = median(inside);
	out = median(outside);
	printf("FIFO, blocks of %zu KiB: %.0f MB/s inside, %.0f outside, ratio %.2f\n", block >> 10, in, out, in / out);
}

/* -- The mount ------------------------------------------------------------------------------------------------------ */

static pid_t start_ipcfs(const char *program)
{
	char names[64], path[128];
	pid_t pid = fork();

	need(pid >= 0, "fork");
	if (pid == 0) {
		snprintf(names, sizeof names, "%s/names", folder);
		execl(program, program, "-f", "--names", names, mountpoint, (char *)NULL);
		_exit(127);
	}
	snprintf(path, sizeof path, "%s/README", mountpoint);
	for (int i = 0; access(path, F_OK); i++) {
		need(i < 5000 && waitpid(pid, NULL, WNOHANG) == 0, program);
		usleep(1000);
	}
	return pid;
}

static void make_pipes(void)
{
	char path[128];

	snprintf(path, sizeof path, "%s/pipe/bench", mountpoint);
	need(mkdir(path, 0700) == 0, path);
	snprintf(path, sizeof path, "%s/fifo/bench", mountpoint);
	need(mkfifo(path, 0600) == 0, path);
	snprintf(path, sizeof path, "%s/fifo", folder);
	need(mkfifo(path, 0600) == 0, path);
}

static void stop_ipcfs(pid_t pid)
{
	char path[128];

	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	snprintf(path, sizeof path, "%s/fifo", folder);
	unlink(path);
	snprintf(path, sizeof path, "%s/names", folder);
	unlink(path);
	rmdir(mountpoint);
	rmdir(folder);
}

int main(int argc, char **argv)
{
	bool socat;
	pid_t pid;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 2) {
		fprintf(stderr, "usage: bench-pipes IPCFS\n");
		return 2;
	}
	need(mkdtemp(folder), "mkdtemp");
	snprintf(mountpoint, sizeof mountpoint, "%s/ipc", folder);
	need(mkdir(mountpoint, 0755) == 0, mountpoint);
	pid = start_ipcfs(argv[1]);
	make_pipes();
	socat = system("command -v socat >/dev/null") == 0;
	if (!socat)
		puts("socat is not installed: skipping it");
	compare_pipes(65536, socat);
	compare_pipes(LARGEST, socat);
	compare_fifos(65536);
	stop_ipcfs(pid);
	return 0;
}
