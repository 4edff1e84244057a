/* Many readers that wait, and the daemon's own size. */
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

static int *opened; /* files open for readers; shared with their processes */

static void *reader(void *fd)
{
	char buf[MESSAGE];

	while (read(GPOINTER_TO_INT(fd), buf, sizeof buf) > 0)
		;
	return NULL;
}

/*
 * A process with THREADS readers, each with an open file of its own. One thread opens all of them: what is measured is
 * waiting, not a thousand look-ups of one name at once.
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
		need(pthread_create(&thread, &attributes, reader, GINT_TO_POINTER(fd)) == 0, "a thread");
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
	g_autofree char *other = queue_path("other", "qnum");
	Samples before = {0}, after = {0};
	pid_t readers[PROCESSES];
	long idle;
	double start;

	opened = mmap(NULL, sizeof *opened, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	need(opened != MAP_FAILED, "shared memory");
	heading("10,000 blocked readers of one queue");
	fresh_queue("blocked");
	fresh_queue("other");
	time_stats(other, &before);
	idle = resident(bench.ipcfs.pid);
	start = now();
	for (int i = 0; i < PROCESSES; i++)
		readers[i] = start_readers(path);
	/* Opening waits for answers too: only once it is over do those count that read. */
	while (g_atomic_int_get(opened) < READERS || !mounted_waiting(&bench.ipcfs, READERS)) {
		need(now() - start < 60, "the readers did not come to wait in time");
		usleep(10000);
	}
	print_value("until all of them wait", now() - start, "s");
	time_stats(other, &after);
	print_figure("stat of a file of another queue, before", &before, 1e6, "us");
	print_figure("stat of a file of another queue, meanwhile", &after, 1e6, "us");
	print_ratio("stat meanwhile / before", median(&after) / median(&before), 1.1);
	print_value("memory of the daemon for each", (double)(resident(bench.ipcfs.pid) - idle) / READERS,
		    "KiB (reach: 8)");
	start = now();
	for (int i = 0; i < PROCESSES; i++)
		kill(readers[i], SIGKILL);
	for (int i = 0; i < PROCESSES; i++)
		waitpid(readers[i], NULL, 0);
	print_value("until all of them are killed", now() - start, "s");
	munmap(opened, sizeof *opened);
}

void bench_daemon(void)
{
	Samples mounted = {0}, memory = {0};

	heading("The daemon");
	for (int i = 0; i < 7; i++) {
		Mounted one;

		sample(&mounted, start_ipcfs(&one));
		sample(&memory, (double)resident(one.pid));
		mounted_end(&one);
	}
	print_figure("until mounted (reach: 50)", &mounted, 1e3, "ms");
	print_figure("resident when idle (reach: 10)", &memory, 1.0 / 1024, "MiB");
}
