/* The sections `blocked`, with many blocked readers, and `daemon`, with the start and the size of the daemon. */
#include "bench.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

enum { PROCESSES = 10, THREADS = 1000, READERS = PROCESSES * THREADS, ROUNDS = 15 };

static int *opened; /* number of files that the readers have opened; in memory that their processes share */

static void *reader(void *fd)
{
	char buf[MESSAGE];

	while (read(GPOINTER_TO_INT(fd), buf, sizeof buf) > 0)
		;
	return NULL;
}

/*
 * Starts a process with THREADS reading threads, each with its own open file. One thread opens all files, because the
 * section measures blocked readers, not a thousand simultaneous look-ups of one name.
 */
static pid_t start_readers(const char *path)
{
	pid_t child = fork();
	pthread_attr_t attributes;

	need(child >= 0, "fork");
	if (child)
		return child;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 32 << 10);
	for (int i = 0; i < THREADS; i++) {
		int fd = open(path, O_RDONLY);
		pthread_t thread;

		need(fd >= 0, path);
		need(pthread_create(&thread, &attributes, reader, GINT_TO_POINTER(fd)) == 0, "pthread_create");
		g_atomic_int_inc(opened);
	}
	for (;;)
		pause();
}

static void time_stats(const char *path, Samples *samples)
{
	enum { STATS = 500 };
	struct stat st;

	for (int i = 0; i < ROUNDS; i++) {
		double start = now();

		for (int k = 0; k < STATS; k++)
			need(stat(path, &st) == 0, path);
		sample(samples, (now() - start) / STATS);
	}
}

void bench_blocked(void)
{
	g_autofree char *path = queue_path("blocked", "data");
	g_autofree char *other_file = queue_path("other", "qnum");
	Samples before = {0}, after = {0};
	pid_t readers[PROCESSES];
	long idle_memory;
	double start;

	opened = mmap(NULL, sizeof *opened, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	need(opened != MAP_FAILED, "mmap");
	heading("10,000 blocked readers of one queue");
	fresh_queue("blocked");
	fresh_queue("other");
	time_stats(other_file, &before);
	idle_memory = resident(bench.ipcfs.pid);
	start = now();
	for (int i = 0; i < PROCESSES; i++)
		readers[i] = start_readers(path);
	/* An open is a waiting request too. Once all files are open, the waiting requests are reads. */
	while (g_atomic_int_get(opened) < READERS || !mounted_waiting(&bench.ipcfs, READERS)) {
		need(now() - start < 60, "the readers do not block within 60 s");
		usleep(10000);
	}
	print_value("until all of them are blocked", now() - start, "s");
	time_stats(other_file, &after);
	print_figure("stat of a file of another queue, before", &before, 1e6, "us");
	print_figure("stat of a file of another queue, meanwhile", &after, 1e6, "us");
	print_ratio("stat meanwhile / before", median(&after) / median(&before), 1.1);
	print_value("memory of the daemon per reader", (double)(resident(bench.ipcfs.pid) - idle_memory) / READERS,
		    "KiB (reach: 8)");
	start = now();
	for (int i = 0; i < PROCESSES; i++)
		kill(readers[i], SIGKILL);
	for (int i = 0; i < PROCESSES; i++)
		waitpid(readers[i], NULL, 0);
	print_value("until all of them have ended after SIGKILL", now() - start, "s");
	munmap(opened, sizeof *opened);
}

void bench_daemon(void)
{
	Samples mounted = {0}, memory = {0};

	heading("The daemon");
	for (int i = 0; i < 7; i++) {
		Mounted daemon;

		sample(&mounted, start_ipcfs(&daemon));
		sample(&memory, (double)resident(daemon.pid));
		mounted_end(&daemon);
	}
	print_figure("until mounted (reach: 50)", &mounted, 1e3, "ms");
	print_figure("resident memory when idle (reach: 10)", &memory, 1.0 / 1024, "MiB");
}
