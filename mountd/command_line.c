/*
 * The command line of ipcfs(1). It has two forms: `ipcfs [options] MOUNTPOINT`, as users type it, and
 * `ipcfs SOURCE MOUNTPOINT -o LIST`, as mount.fuse3(8) runs it for mount(8) and fstab(5). In the second form the list also
 * holds options for mount(8) itself, and the long options of ipcfs as NAME=VALUE.
 *
 * main() calls these functions at the start, on the only thread; there are no locks.
 */
#include "mountd/command_line.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS_MAX = 64 };

/*
 * Options of mount(8) and fstab(5) that libfuse does not know. They concern mount(8) itself, or access times, which ipcfs
 * does not keep. mount.fuse3(8) adds `dev` and `suid` by itself: ipcfs has no device files and no programs, so it ignores both.
 */
static const char *const ignored[] = {
	"",         "atime",      "auto",   "defaults", "dev",         "diratime", "group",
	"iversion", "lazytime",   "loud",   "mand",     "noauto",      "nofail",   "noiversion",
	"nomand",   "norelatime", "nouser", "owner",    "nolazytime",  "relatime", "silent",
	"suid",     "user",       "users",  "_netdev",  "strictatime", NULL,
};
static const char *const ignored_prefixes[] = {"comment=", "helper=", "uhelper=", "user=", "x-", "X-", NULL};

static bool is_ignored(const char *option)
{
	if (g_strv_contains(ignored, option))
		return true;
	for (const char *const *prefix = ignored_prefixes; *prefix; prefix++)
		if (g_str_has_prefix(option, *prefix))
			return true;
	return false;
}

/* Returns the value of an option NAME=VALUE without libfuse's backslashes, or NULL if the option has another name. */
static char *option_value(const char *option, const char *name)
{
	size_t length = strlen(name);
	GString *value;

	if (strncmp(option, name, length) != 0 || option[length] != '=')
		return NULL;
	value = g_string_new(NULL);
	for (const char *c = option + length + 1; *c; c++) {
		if (*c == '\\' && c[1])
			c++;
		g_string_append_c(value, *c);
	}
	return g_string_free(value, FALSE);
}

/* Stores an option of ipcfs itself in *out. Returns false for any other option. */
static bool read_own_option(Options *out, const char *option)
{
	char *value;

	if ((value = option_value(option, "names"))) {
		g_free(out->names);
		out->names = value;
	} else if ((value = option_value(option, "log-level"))) {
		g_free(out->log_level);
		out->log_level = value;
	} else if ((value = option_value(option, "threads"))) {
		out->threads = atoi(value);
		g_free(value);
	} else {
		return false;
	}
	return true;
}

static void append_escaped(GString *all, const char *text)
{
	for (; *text; text++) {
		if (*text == ',' || *text == '\\')
			g_string_append_c(all, '\\');
		g_string_append_c(all, *text);
	}
}

/* Sorts the list of an -o. A comma after a backslash belongs to the option. Options for libfuse are appended to `fuse`. */
static void read_list(Options *out, GString *fuse, const char *list)
{
	while (*list) {
		g_autofree char *option = NULL;
		size_t length = 0;

		while (list[length] && list[length] != ',')
			length += list[length] == '\\' && list[length + 1] ? 2 : 1;
		option = g_strndup(list, length);
		list += length + (list[length] == ',');
		if (!is_ignored(option) && !read_own_option(out, option))
			g_string_append_printf(fuse, ",%s", option);
	}
}

/*
 * Returns the mount options for libfuse. The mount of root serves all users, and the kernel checks modes and owners
 * (default_permissions); the mount of another user serves that user only. mount(8) compares the source with fstab(5) to find
 * whether a line of fstab is mounted.
 */
static char *mount_options(Options *out, const char *source, char **lists)
{
	GString *fuse = g_string_new("subtype=ipcfs,default_permissions,fsname=");

	append_escaped(fuse, source && *source ? source : "ipcfs");
	if (geteuid() == 0)
		g_string_append(fuse, ",allow_other");
	for (char **list = lists; list && *list; list++)
		read_list(out, fuse, *list);
	return g_string_free(fuse, FALSE);
}

G_GNUC_PRINTF(2, 3)
static bool fail(GError **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_propagate_error(error, g_error_new_valist(G_OPTION_ERROR, G_OPTION_ERROR_FAILED, format, args));
	va_end(args);
	return false;
}

bool command_line_read(int argc, char **argv, Options *out, GError **error)
{
	g_auto(GStrv) lists = NULL;
	const GOptionEntry entries[] = {
		{"foreground", 'f', 0, G_OPTION_ARG_NONE, &out->foreground,
		 "Stay in the foreground and write messages to the terminal", NULL},
		{"option", 'o', 0, G_OPTION_ARG_STRING_ARRAY, &lists, "Mount options, see mount.fuse3(8) and ipcfs(1)",
		 "OPT[,OPT…]"},
		{"threads", 0, 0, G_OPTION_ARG_INT, &out->threads,
		 "Number of threads that receive requests, 1 to 64 (default: 1)", "N"},
		{"log-level", 0, 0, G_OPTION_ARG_STRING, &out->log_level,
		 "Least important messages to write: error, warning, message (default), info or debug", "LEVEL"},
		{"names", 0, 0, G_OPTION_ARG_FILENAME, &out->names, "File that keeps the names of System V objects",
		 "FILE"},
		{"version", 0, 0, G_OPTION_ARG_NONE, &out->version, "Print the version and exit", NULL},
		{NULL},
	};
	g_autoptr(GOptionContext) context =
		g_option_context_new("[SOURCE] MOUNTPOINT - mount inter-process communication objects as files");

	*out = (Options){.threads = 1};
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, error))
		return false;
	if (out->version)
		return true;
	if (argc != 2 && argc != 3)
		return fail(error, "expected [SOURCE] MOUNTPOINT: see ipcfs --help");
	out->mount = mount_options(out, argc == 3 ? argv[1] : NULL, lists);
	if (out->threads < 1 || out->threads > THREADS_MAX)
		return fail(error, "--threads is out of range: use 1 to %d", THREADS_MAX);
	out->mountpoint = g_strdup(argv[argc - 1]);
	return true;
}

void command_line_clear(Options *options)
{
	g_free(options->log_level);
	g_free(options->names);
	g_free(options->mount);
	g_free(options->mountpoint);
	*options = (Options){0};
}
