/*
 * bench-semaphores IPC: compares semaphores in the tree that is mounted at IPC with the native calls, and `hold` with
 * flock(2). The program prints figures and ratios, and judges none.
 */
#include "bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

enum { ROUNDS = 15, OPERATIONS = 2000, COMMANDS = 30 };

static char *set; /* the directory of the set that this program makes: one semaphore of value 1 */
static int id;

static void time_native_op(Samples *samples)
{
	double start = now();

	for (int i = 0; i < OPERATIONS; i++) {
		struct sembuf op = {0, i % 2 ? 1 : -1, 0};

		need(semop(id, &op, 1) == 0, "semop");
	}
	sample(samples, (now() - start) / OPERATIONS);
}

static void time_op(Samples *samples, const char *path, const char *decrement, const char *increment)
{
	int fd = open(path, O_WRONLY);
	double start = now();

	need(fd >= 0, path);
	for (int i = 0; i < OPERATIONS; i++)
		need(write(fd, i % 2 ? increment : decrement, strlen(decrement)) > 0, path);
	sample(samples, (now() - start) / OPERATIONS);
	close(fd);
}

static void time_hold(Samples *samples, const char *path, bool native)
{
	double start = now();

	for (int i = 0; i < OPERATIONS / 4; i++) {
		int fd = open(path, O_WRONLY | O_CLOEXEC);

		need(fd >= 0 && (!native || flock(fd, LOCK_EX) == 0), path);
		close(fd);
	}
	sample(samples, (now() - start) / (OPERATIONS / 4));
}

static void time_commands(Samples *samples, const char *const *argv)
{
	double start = now();

	for (int i = 0; i < COMMANDS; i++)
		need(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL),
		     argv[0]);
	sample(samples, (now() - start) / COMMANDS);
}

int main(int argc, char **argv)
{
	Samples native = {0}, op = {0}, member_op = {0}, flocks = {0}, holds = {0}, flock_runs = {0}, hold_runs = {0};
	g_autofree char *file = NULL, *op_path = NULL, *member_op_path = NULL, *hold = NULL, *id_path = NULL;

	need(argc == 2, "usage: bench-semaphores IPC");
	set = g_strdup_printf("%s/sysv/sem/bench-%d", argv[1], (int)getpid());
	need(mkdir(set, 0600) == 0, set);
	op_path = g_strconcat(set, "/op", NULL);
	member_op_path = g_strconcat(set, "/0/op", NULL);
	hold = g_strconcat(set, "/0/hold", NULL);
	id_path = g_strconcat(set, "/id", NULL);
	need(g_file_get_contents(id_path, &file, NULL, NULL), id_path);
	id = atoi(file);
	g_free(file);
	file = g_strdup_printf("%s/bench-lock-%d", g_get_tmp_dir(), (int)getpid());
	close(open(file, O_WRONLY | O_CREAT, 0600));
	need(semctl(id, 0, SETVAL, 1) == 0, "semctl");

	const char *const flock_run[] = {"flock", file, "true", NULL};
	const char *const hold_run[] = {"sh", "-c", "exec 9>\"$0\"; exec true", hold, NULL};

	for (int i = 0; i < ROUNDS; i++) {
		time_native_op(&native);
		time_op(&op, op_path, "0:-1", "0:+1");
		time_op(&member_op, member_op_path, "-1", "+1");
		time_hold(&flocks, file, true);
		time_hold(&holds, hold, false);
		time_commands(&flock_runs, flock_run);
		time_commands(&hold_runs, hold_run);
	}
	heading("semaphores");
	print_figure("semop", &native, 1e6, "us");
	print_figure("sysv/sem/NAME/op", &op, 1e6, "us");
	print_figure("sysv/sem/NAME/0/op", &member_op, 1e6, "us");
	print_ratio("op / semop", median(&op) / median(&native), 0);
	print_figure("flock: open, flock(2), close", &flocks, 1e6, "us");
	print_figure("hold: open, close", &holds, 1e6, "us");
	print_ratio("hold / flock", median(&holds) / median(&flocks), 0);
	print_figure("flock FILE true", &flock_runs, 1e6, "us");
	print_figure("sh -c 'exec 9>hold; exec true'", &hold_runs, 1e6, "us");
	print_ratio("hold / flock(1)", median(&hold_runs) / median(&flock_runs), 0);
	unlink(file);
	rmdir(set);
	g_free(set);
	return 0;
}
