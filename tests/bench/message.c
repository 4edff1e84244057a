/*
 * The section `message`: one message at a time, compared with a FUSE request that does nothing, and with native calls.
 */
#include "bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/msg.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

enum { ROUNDS = 21, PAIRS = 3000, CALLS = 100000 };

typedef struct Text {
	long type;
	char bytes[MESSAGE];
} Text;

static double time_pairs(int fd)
{
	char message[MESSAGE] = "", buf[4096];
	double start = now();

	for (int i = 0; i < PAIRS; i++) {
		need(write(fd, message, MESSAGE) == MESSAGE, "write");
		need(read(fd, buf, sizeof buf) == MESSAGE, "read");
	}
	return (now() - start) / PAIRS;
}

static double time_native(int id)
{
	Text message = {.type = 1};
	double start = now();

	for (int i = 0; i < CALLS; i++) {
		need(msgsnd(id, &message, MESSAGE, 0) == 0, "msgsnd");
		need(msgrcv(id, &message, MESSAGE, 0, 0) == MESSAGE, "msgrcv");
	}
	return (now() - start) / CALLS;
}

static double time_syscall(void)
{
	double start = now();

	for (int i = 0; i < CALLS; i++)
		syscall(SYS_getppid);
	return (now() - start) / CALLS;
}

/* The rounds alternate, so that other load on the machine affects both file systems. */
static void compare_with_nothing(const char *where, const Mounted *nothing, int fd, int nothing_fd, int cpu)
{
	g_autofree char *what = g_strdup_printf("write+read of 64 bytes, ipcfs, %s", where);
	g_autofree char *that = g_strdup_printf("write+read of a FUSE that does nothing, %s", where);
	g_autofree char *ratio = g_strdup_printf("write+read / FUSE that does nothing, %s", where);
	Samples ipcfs = {0}, base = {0}, ratios = {0};

	pin(bench.ipcfs.pid, cpu);
	pin(nothing->pid, cpu);
	pin(getpid(), cpu);
	time_pairs(fd);
	time_pairs(nothing_fd);
	for (int i = 0; i < ROUNDS; i++) {
		double a = time_pairs(fd), b = time_pairs(nothing_fd);

		sample(&ipcfs, a);
		sample(&base, b);
		sample(&ratios, a / b);
	}
	print_figure(what, &ipcfs, 1e6, "us");
	print_figure(that, &base, 1e6, "us");
	print_ratio(ratio, median(&ratios), 1.15);
	pin(bench.ipcfs.pid, -1);
	pin(getpid(), -1);
}

static void time_open_write_close(const char *path, int id)
{
	Samples samples = {0};
	Text message;

	for (int i = 0; i < ROUNDS; i++) {
		double start = now();

		for (int k = 0; k < 100; k++) {
			int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666); /* the flags of > in a shell */

			need(fd >= 0 && write(fd, "hello\n", 6) == 6, path);
			close(fd);
		}
		sample(&samples, (now() - start) / 100);
		while (msgrcv(id, &message, MESSAGE, 0, IPC_NOWAIT) >= 0)
			;
	}
	print_figure("open, write, close of data, as echo > does", &samples, 1e6, "us");
}

/* A child answers each message of queue `id` in queue `back`. It reads from `fd`, or calls msgrcv(2) if `fd` is -1. */
static double time_round_trip(int fd, int id, int back)
{
	enum { TRIPS = 2000 };
	Text message = {.type = 1};
	pid_t partner = fork();
	double start;

	need(partner >= 0, "fork");
	for (int i = 0; partner == 0 && i < TRIPS; i++) {
		if (fd >= 0)
			need(read(fd, message.bytes, MESSAGE) == MESSAGE, "read");
		else
			need(msgrcv(id, &message, MESSAGE, 0, 0) == MESSAGE, "msgrcv");
		need(msgsnd(back, &message, MESSAGE, 0) == 0, "msgsnd");
	}
	if (partner == 0)
		_exit(0);
	start = now();
	for (int i = 0; i < TRIPS; i++) {
		need(msgsnd(id, &message, MESSAGE, 0) == 0, "msgsnd");
		need(msgrcv(back, &message, MESSAGE, 0, 0) == MESSAGE, "msgrcv");
	}
	start = (now() - start) / TRIPS;
	waitpid(partner, NULL, 0);
	return start;
}

void bench_message(void)
{
	int id = fresh_queue("bench"), back = fresh_queue("back");
	g_autofree char *path = queue_path("bench", "data");
	g_autofree char *nothing_path = NULL;
	Samples calls = {0}, native = {0}, trips = {0}, native_trips = {0};
	Mounted nothing;
	int fd, nothing_fd;

	heading("One 64-byte message");
	start_nothing(&nothing);
	nothing_path = g_build_filename(nothing.mountpoint, "data", NULL);
	fd = open(path, O_RDWR);
	nothing_fd = open(nothing_path, O_RDWR);
	need(fd >= 0 && nothing_fd >= 0, "open");
	for (int i = 0; i < ROUNDS; i++) {
		sample(&calls, time_syscall());
		sample(&native, time_native(id));
	}
	print_figure("a system call", &calls, 1e6, "us");
	print_figure("msgsnd+msgrcv", &native, 1e6, "us");
	compare_with_nothing("any core", &nothing, fd, nothing_fd, -1);
	compare_with_nothing("one core", &nothing, fd, nothing_fd, 0);
	time_open_write_close(path, id);
	for (int i = 0; i < 5; i++) {
		sample(&trips, time_round_trip(fd, id, back));
		sample(&native_trips, time_round_trip(-1, id, back));
	}
	print_figure("msgsnd wakes a blocked reader of data, which answers", &trips, 1e6, "us");
	print_figure("msgsnd wakes a blocked msgrcv, which answers", &native_trips, 1e6, "us");
	close(fd);
	close(nothing_fd);
	mounted_end(&nothing);
}
