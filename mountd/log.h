/* The log: messages go to the terminal in the foreground, and to syslog once the program is a daemon. main.c calls it. */
#pragma once

#include <stdbool.h>

/*
 * Directs the messages of GLib and libfuse to the terminal. `level` is error, warning, message, info or debug; returns false
 * for any other word. Called once, before the program starts threads.
 */
bool log_start(const char *level);

/* Directs all later messages to syslog. */
void log_to_syslog(void);
