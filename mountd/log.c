/*
 * The log. GLib passes messages of the program to write_message(), libfuse passes its own to on_fuse_message().
 *
 * Messages come from any thread. `least_important` and `uses_syslog` are written before the program starts threads.
 */
#include "mountd/log.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include <glib.h>

#include "fs/fuse.h"

static const struct {
	const char *name;
	GLogLevelFlags level;
	int priority; /* syslog's */
} levels[] = {
	{"error", G_LOG_LEVEL_ERROR, LOG_CRIT},        {"error", G_LOG_LEVEL_CRITICAL, LOG_ERR},
	{"warning", G_LOG_LEVEL_WARNING, LOG_WARNING}, {"message", G_LOG_LEVEL_MESSAGE, LOG_NOTICE},
	{"info", G_LOG_LEVEL_INFO, LOG_INFO},          {"debug", G_LOG_LEVEL_DEBUG, LOG_DEBUG},
};

static GLogLevelFlags least_important = G_LOG_LEVEL_MESSAGE;
static bool uses_syslog;

static GLogWriterOutput write_message(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer unused)
{
	const char *text = "";

	level &= G_LOG_LEVEL_MASK;
	if (level > least_important)
		return G_LOG_WRITER_HANDLED;
	for (gsize i = 0; i < n; i++)
		if (strcmp(fields[i].key, "MESSAGE") == 0)
			text = fields[i].value;
	for (size_t i = 0; i < G_N_ELEMENTS(levels); i++) {
		if (levels[i].level != level)
			continue;
		if (uses_syslog)
			syslog(levels[i].priority, "%s", text);
		else
			fprintf(stderr, "ipcfs: %s: %s\n", levels[i].name, text);
	}
	return G_LOG_WRITER_HANDLED;
}

G_GNUC_PRINTF(2, 0)
static void on_fuse_message(enum fuse_log_level level, const char *format, va_list args)
{
	static GString *line; /* libfuse passes parts of lines only before the program starts threads */
	GLogLevelFlags glib_level = level <= FUSE_LOG_ERR     ? G_LOG_LEVEL_WARNING :
				    level <= FUSE_LOG_WARNING ? G_LOG_LEVEL_WARNING :
				    level <= FUSE_LOG_NOTICE  ? G_LOG_LEVEL_MESSAGE :
				    level <= FUSE_LOG_INFO    ? G_LOG_LEVEL_INFO :
								G_LOG_LEVEL_DEBUG;

	if (!line)
		line = g_string_new(NULL);
	g_string_append_vprintf(line, format, args);
	if (line->len == 0 || line->str[line->len - 1] != '\n')
		return;
	g_log("fuse", glib_level, "%s", g_strchomp(line->str));
	g_string_truncate(line, 0);
}

bool log_start(const char *level)
{
	bool known = false;

	for (size_t i = 0; i < G_N_ELEMENTS(levels); i++) {
		if (strcmp(levels[i].name, level) == 0) {
			least_important = levels[i].level;
			known = true;
		}
	}
	g_log_set_writer_func(write_message, NULL, NULL);
	fuse_set_log_func(on_fuse_message);
	return known;
}

void log_to_syslog(void)
{
	openlog("ipcfs", LOG_PID, LOG_DAEMON);
	uses_syslog = true;
}
