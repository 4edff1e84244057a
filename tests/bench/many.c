/* The section `many`: listing and stat(2) while the system has many queues. */
#include "bench.h"

#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/stat.h>

#include <glib.h>

enum { QUEUES = 30000, FIRST_KEY = 0x1000000, ROUNDS = 7 };

static double time_stat(const char *path)
{
	enum { STATS = 500 };
	double start = now();
	struct stat st;

	for (int i = 0; i < STATS; i++)
		need(stat(path, &st) == 0, path);
	return (now() - start) / STATS;
}

void bench_many(void)
{
	g_autofree char *folder = g_build_filename(bench.ipcfs.mountpoint, "sysv/msg", NULL);
	g_autofree char *file = g_build_filename(folder, "0x01000007/qnum", NULL);
	const char *const ls[] = {"ls", folder, NULL}, *const ls_l[] = {"ls", "-l", folder, NULL};
	const char *const ipcs[] = {"ipcs", "-q", NULL};
	Samples ls_time = {0}, ls_l_time = {0}, ipcs_time = {0}, stat_few = {0}, stat_many = {0};

	heading("30,000 queues");
	for (int i = 0; i < QUEUES; i++) {
		need(msgget(FIRST_KEY + i, IPC_CREAT | IPC_EXCL | 0600) >= 0, "msgget");
		for (int k = 0; i == 10 && k < ROUNDS; k++)
			sample(&stat_few, time_stat(file));
	}
	for (int i = 0; i < ROUNDS; i++) {
		sample(&ipcs_time, time_command(ipcs));
		sample(&ls_time, time_command(ls));
		sample(&ls_l_time, time_command(ls_l));
		sample(&stat_many, time_stat(file));
	}
	print_figure("ipcs -q", &ipcs_time, 1e3, "ms");
	print_figure("ls", &ls_time, 1e3, "ms");
	print_figure("ls -l", &ls_l_time, 1e3, "ms");
	print_ratio("ls / ipcs -q", median(&ls_time) / median(&ipcs_time), 2);
	print_ratio("ls -l / ipcs -q", median(&ls_l_time) / median(&ipcs_time), 0);
	print_figure("stat of a file, among 11 queues", &stat_few, 1e6, "us");
	print_figure("stat of a file, among 30,000 queues", &stat_many, 1e6, "us");
	print_ratio("stat among many / among few", median(&stat_many) / median(&stat_few), 0);
	for (int i = 0; i < QUEUES; i++)
		msgctl(msgget(FIRST_KEY + i, 0), IPC_RMID, NULL);
}
