/* Printing of values, which is the same in the text files of all mechanisms. The functions have no state. */
#pragma once

#include <time.h>

#include <glib.h>

/* Appends "value\n". */
void text_number(GString *out, long long value);

/* Appends local time in ISO 8601 with its offset, "2026-11-21T01:02:03+0000\n". Appends "never\n" for 0, the kernel's value for it. */
void text_time(GString *out, time_t when);

/* Appends "Name:\t", which begins a line of a status file, as in /proc/PID/status. */
void text_label(GString *out, const char *name);
