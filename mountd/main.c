/*
 * main(): reads the command line, checks the mountpoint, and runs the session until the tree is unmounted. See ipcfs(1).
 *
 * Exit status: 0 mounted (with -f: unmounted), 1 not mounted or the connection failed, 2 wrong command line.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <glib.h>

#include "backends/tree.h"
#include "fs/session.h"
#include "mountd/command_line.h"
#include "mountd/log.h"
#include "mountd/mountpoint.h"

static char *default_names(void)
{
	if (geteuid() == 0)
		return g_strdup("/run/ipcfs/names");
	return g_build_filename(g_get_user_runtime_dir(), "ipcfs", "names", NULL);
}

static bool run_mount(const Options *options, GError **error)
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

/* Each pipe, socket and watched process takes descriptors of the daemon, so the soft limit is raised to the hard limit. */
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
		fprintf(stderr, "ipcfs: unknown log level %s: use error, warning, message, info or debug\n",
			options->log_level);
		return 2;
	}
	if (!run_mount(options, &error)) {
		fprintf(stderr, "ipcfs: %s\n", error->message);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	Options options = {0};
	int status;

	/* The daemon outlives its parent and must not keep the parent's files open. */
	close_range(3, ~0U, 0);
	if (tree_run_helper(argc, argv, &status))
		return status;
	raise_descriptor_limit();
	status = run_main(argc, argv, &options);
	command_line_clear(&options);
	return status;
}
