/* Starting and ending the file systems that are measured: see bench.h. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

static void exec_with(const char *const *argv, const char *last)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new();

	for (; *argv; argv++)
		g_ptr_array_add(all, (char *)*argv);
	g_ptr_array_add(all, (char *)last);
	g_ptr_array_add(all, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execvp(all->pdata[0], (char **)all->pdata);
	_exit(127);
}

/* Starts `argv` with a new mountpoint as its last argument, and waits until `file` exists there. Returns the seconds. */
static double mounted_start(Mounted *mounted, const char *const *argv, const char *file)
{
	g_autofree char *shown = NULL;
	double start;
	struct stat st;

	mounted->mountpoint = g_build_filename(bench.folder, "XXXXXX", NULL);
	need(mkdtemp(mounted->mountpoint) != NULL, "mkdtemp");
	shown = g_build_filename(mounted->mountpoint, file, NULL);
	start = now();
	mounted->pid = fork();
	need(mounted->pid >= 0, "fork");
	if (mounted->pid == 0)
		exec_with(argv, mounted->mountpoint);
	while (stat(shown, &st)) {
		need(waitpid(mounted->pid, NULL, WNOHANG) == 0, argv[0]);
		need(now() - start < 10, "the file system is not mounted within 10 s");
		usleep(100);
	}
	return now() - start;
}

void mounted_end(Mounted *mounted)
{
	umount2(mounted->mountpoint, MNT_DETACH);
	kill(mounted->pid, SIGTERM);
	waitpid(mounted->pid, NULL, 0);
	rmdir(mounted->mountpoint);
	g_clear_pointer(&mounted->mountpoint, g_free);
}

double start_ipcfs(Mounted *mounted)
{
	g_autofree char *names = g_build_filename(bench.folder, "names", NULL);
	const char *argv[] = {bench.ipcfs_program, "-f", "--names", names, NULL};

	return mounted_start(mounted, argv, "README");
}

void start_nothing(Mounted *mounted)
{
	const char *argv[] = {bench.nothing_program, NULL};

	mounted_start(mounted, argv, "data");
}

void pin(pid_t pid, int cpu)
{
	g_autofree char *tasks = g_strdup_printf("/proc/%d/task", (int)pid);
	g_autoptr(GDir) dir = g_dir_open(tasks, 0, NULL);
	const char *task;
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (cpu < 0 || i == cpu)
			CPU_SET(i, &set);
	while (dir && (task = g_dir_read_name(dir)))
		sched_setaffinity(atoi(task), sizeof set, &set);
}

long resident(pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)pid);
	g_autofree char *text = NULL;
	const char *line;

	need(g_file_get_contents(path, &text, NULL, NULL), path);
	line = strstr(text, "VmRSS:");
	return line ? atol(line + strlen("VmRSS:")) : 0;
}

/* The file `waiting` of fusectl has the number for each connection. */
bool mounted_waiting(const Mounted *mounted, long requests)
{
	g_autofree char *control = g_build_filename(bench.folder, "fusectl", NULL);
	g_autofree char *path = NULL;
	g_autofree char *text = NULL;
	struct stat st;

	if (mkdir(control, 0700) == 0)
		mount("fusectl", control, "fusectl", 0, NULL);
	need(stat(mounted->mountpoint, &st) == 0, mounted->mountpoint);
	path = g_strdup_printf("%s/%u/waiting", control, minor(st.st_dev));
	return !g_file_get_contents(path, &text, NULL, NULL) || atol(text) >= requests;
}

char *queue_path(const char *name, const char *file)
{
	return g_build_filename(bench.ipcfs.mountpoint, "sysv/msg", name, file, NULL);
}

int fresh_queue(const char *name)
{
	g_autofree char *folder = queue_path(name, NULL);
	g_autofree char *id_file = queue_path(name, "id");
	g_autofree char *text = NULL;

	need(rmdir(folder) == 0 || errno == ENOENT, folder);
	need(mkdir(folder, 0700) == 0, folder);
	need(g_file_get_contents(id_file, &text, NULL, NULL), id_file);
	return atoi(text);
}

double time_command(const char *const *argv)
{
	double start = now();
	int status;
	pid_t child = fork();

	need(child >= 0, "fork");
	if (child == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, 1);
		execvp(argv[0], (char **)argv);
		_exit(127);
	}
	need(waitpid(child, &status, 0) == child && status == 0, argv[0]);
	return now() - start;
}
