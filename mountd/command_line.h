/* The command line of ipcfs(1). main() reads it once, at the start. */
#pragma once

#include <stdbool.h>

#include <glib.h>

typedef struct Options {
	gboolean foreground, version;
	int threads;
	char *log_level, *names;
	char *mount; /* mount options for libfuse, comma-separated */
	char *mountpoint;
} Options;

/* Fills *out. Returns false with an error for a wrong command line. The caller frees *out with command_line_clear(), always. */
bool command_line_read(int argc, char **argv, Options *out, GError **error);
void command_line_clear(Options *options);
