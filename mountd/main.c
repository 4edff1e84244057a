/* ipcfs [options] MOUNTPOINT: see ipcfs(1). */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <glib.h>

#include "backends/core/backend.h"
#include "backends/core/host.h"
#include "backends/signal/tree.h"
#include "fs/session.h"
#include "mountd/command_line.h"
#include "mountd/log.h"
#include "mountd/mountpoint.h"
#include "backends/tree.h"

static char *default_names(void)
{
	if (geteuid() == 0)
		return g_strdup("/run/ipcfs/names");
	return g_build_filename(g_get_user_runtime_dir(), "ipcfs", "names", NULL);
}

static bool run(const Options *options, GError **error)
{
	g_autofree char *names = options->names ? g_canonicalize_filename(options->names, NULL) : default_names();
	g_autofree char *mountpoint = mountpoint_prepare(options->mountpoint, error);
	const HostSettings backends = {
		.names = names,
		.largest = session_whole_write(),
		.mountpoint = mountpoint,
	};
	const SessionSettings session = {
		.root = &tree_root,
		.mountpoint = mountpoint,
		.options = options->mount,
		.foreground = options->foreground,
		.threads = options->threads,
		.detached = log_to_syslog,
	};

	if (!mountpoint)
		return false;
	tree_start(&backends);
	return session_run(&session, error);
}

/* Pipes, sockets and watched processes are descriptors of the daemon: as many as it may have. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Returns the exit status. */
static int run_main(int argc, char **argv, Options *options)
{
	g_autoptr(GError) error = NULL;

	if (!command_line_read(argc, argv, options, &error)) {
		fprintf(stderr, "ipcfs: %s\n", error->message);
		return 2;
	}
	if (options->version) {
		printf("ipcfs %s\n", IPCFS_VERSION);
		return 0;
	}
	if (!log_start(options->log_level ? options->log_level : "message")) {
		fprintf(stderr, "ipcfs: --log-level takes error, warning, message, info or debug\n");
		return 2;
	}
	if (!run(options, &error)) {
		fprintf(stderr, "ipcfs: %s\n", error->message);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	Options options = {0};
	int status;

	/* What the parent had open is not ours to keep open for as long as we serve. */
	close_range(3, ~0U, 0);
	/* Not for users: a mechanism runs this program as the process that it needs. */
	if (argc > 1 && strcmp(argv[1], SIGNAL_RECEIVER) == 0) {
		status = signal_receiver_main(argc, argv);
	} else {
		raise_descriptor_limit();
		status = run_main(argc, argv, &options);
	}
	command_line_clear(&options);
	return status;
}
