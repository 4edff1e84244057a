/* ipcfs [options] MOUNTPOINT: see ipcfs(1). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <glib.h>

#include "backends/backend.h"
#include "backends/signal.h"
#include "fs/session.h"
#include "mountd/log.h"
#include "mountd/mountpoint.h"

enum { THREADS_MAX = 64 };

typedef struct Options {
	gboolean foreground, version;
	char **mount_options;
	int threads;
	char *log_level, *names;
	char *mountpoint;
} Options;

static bool options_read(int argc, char **argv, Options *out, GError **error)
{
	const GOptionEntry entries[] = {
		{"foreground", 'f', 0, G_OPTION_ARG_NONE, &out->foreground,
		 "Stay in the foreground, messages to the terminal", NULL},
		{"option", 'o', 0, G_OPTION_ARG_STRING_ARRAY, &out->mount_options,
		 "Mount options, as of mount.fuse3(8)", "OPT[,OPT…]"},
		{"threads", 0, 0, G_OPTION_ARG_INT, &out->threads,
		 "Threads that take requests from the kernel (1: fastest on few cores)", "N"},
		{"log-level", 0, 0, G_OPTION_ARG_STRING, &out->log_level, "error, warning, message, info or debug",
		 "LEVEL"},
		{"names", 0, 0, G_OPTION_ARG_FILENAME, &out->names, "Where names of System V objects are kept", "FILE"},
		{"version", 0, 0, G_OPTION_ARG_NONE, &out->version, "Print the version and end", NULL},
		{NULL},
	};
	g_autoptr(GOptionContext) context = g_option_context_new("MOUNTPOINT - inter-process communication as files");

	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, error))
		return false;
	if (out->version)
		return true;
	if (argc != 2) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
			    "one MOUNTPOINT, please; ipcfs --help says more");
		return false;
	}
	if (out->threads < 1 || out->threads > THREADS_MAX) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--threads takes 1 to %d", THREADS_MAX);
		return false;
	}
	out->mountpoint = g_canonicalize_filename(argv[1], NULL);
	return true;
}

/* As root for everybody, with the kernel as the judge of modes and owners; else for one user. */
static char *mount_options(const Options *options)
{
	g_autofree char *own = options->mount_options ? g_strjoinv(",", options->mount_options) : NULL;
	g_autoptr(GString) all = g_string_new("fsname=ipcfs,subtype=ipcfs,default_permissions");

	if (geteuid() == 0)
		g_string_append(all, ",allow_other");
	if (own && *own)
		g_string_append_printf(all, ",%s", own);
	return g_string_free(g_steal_pointer(&all), FALSE);
}

static char *default_names(void)
{
	if (geteuid() == 0)
		return g_strdup("/run/ipcfs/names");
	return g_build_filename(g_get_user_runtime_dir(), "ipcfs", "names", NULL);
}

static bool run(const Options *options, GError **error)
{
	g_autofree char *names = options->names ? g_canonicalize_filename(options->names, NULL) : default_names();
	g_autofree char *mounting = mount_options(options);
	const BackendSettings backends = {
		.names = names,
		.largest = session_whole_write(),
		.mountpoint = options->mountpoint,
	};
	const SessionSettings session = {
		.mountpoint = options->mountpoint,
		.options = mounting,
		.foreground = options->foreground,
		.threads = options->threads,
		.detached = log_to_syslog,
	};

	if (!mountpoint_prepare(options->mountpoint, error))
		return false;
	backends_start(&backends);
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

	if (!options_read(argc, argv, options, &error)) {
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

static void options_clear(Options *options)
{
	g_strfreev(options->mount_options);
	g_free(options->log_level);
	g_free(options->names);
	g_free(options->mountpoint);
}

int main(int argc, char **argv)
{
	Options options = {.threads = 1};
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
	options_clear(&options);
	return status;
}
