/*
 * bench IPCFS NOTHING [SECTION…]: measures ipcfs and compares it with native calls and with a file system that does
 * nothing (nothing.c). The program needs root. It makes new IPC and mount namespaces, so that it neither sees nor
 * changes queues and mounts of the machine. Use an optimised build and an idle machine.
 */
#include "bench.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>

struct Bench bench;

static const struct Section {
	const char *name;
	void (*run)(void);
} sections[] = {
	{"daemon", bench_daemon}, {"message", bench_message}, {"bulk", bench_bulk},
	{"many", bench_many},     {"blocked", bench_blocked}, {"memory", bench_memory},
};

static bool is_selected(const char *name, int argc, char **argv)
{
	for (int i = 3; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return argc == 3;
}

int main(int argc, char **argv)
{
	const struct rlimit files = {65536, 65536};

	if (argc < 3) {
		fprintf(stderr, "usage: bench IPCFS NOTHING [daemon|message|bulk|many|blocked|memory]...\n");
		return 2;
	}
	need(unshare(CLONE_NEWIPC | CLONE_NEWNS) == 0, "unshare");
	need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "making mounts private");
	setrlimit(RLIMIT_NOFILE, &files);
	bench.ipcfs_program = argv[1];
	bench.nothing_program = argv[2];
	bench.folder = g_dir_make_tmp("bench-XXXXXX", NULL);
	need(bench.folder != NULL && mount("tmpfs", bench.folder, "tmpfs", 0, NULL) == 0, "temporary folder");
	print_machine();
	start_ipcfs(&bench.ipcfs);
	for (size_t i = 0; i < G_N_ELEMENTS(sections); i++)
		if (is_selected(sections[i].name, argc, argv))
			sections[i].run();
	mounted_end(&bench.ipcfs);
	umount2(bench.folder, MNT_DETACH);
	g_rmdir(bench.folder);
	g_free(bench.folder);
	return 0;
}
