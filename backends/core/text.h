/* How values are printed in text files: one vocabulary for every mechanism. */
#pragma once

#include <time.h>

#include <glib.h>

/* "value\n" */
void text_number(GString *out, long long value);

/* ISO 8601 in local time with its offset, "2026-11-21T01:02:03+0000\n"; "never\n" for 0, as the kernel means it. */
void text_time(GString *out, time_t when);

/* "Name:\t", the start of a line of a status file as in /proc/PID/status. */
void text_label(GString *out, const char *name);
