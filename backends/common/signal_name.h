/*
 * The names of signals: as in signal(7), without SIG; a real-time signal is RTMIN, RTMIN+1 to RTMIN+29, or RTMAX.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/* The real-time signals that programs may use. glibc keeps 32 and 33 for itself, on every architecture. */
enum { SIGNAL_RT_FIRST = 34, SIGNAL_LAST = 64 };

enum { SIGNAL_NAME_MAX = 16 };

/* The name of a signal; of one that has none ("32"), its number. */
void signal_name(int number, char out[SIGNAL_NAME_MAX]);

/* What it means, in a few words. */
const char *signal_meaning(int number);

/*
 * The signal that the first `length` bytes of text name: a number from 0 to 64, or a name in any case, with or without
 * SIG, RTMAX-1 and the like included. -1: none.
 */
int signal_parse(const char *text, int length);

/* Prints the names of the signals in a mask as in /proc/PID/status, each followed by `after`. */
void signal_print_mask(GString *out, uint64_t mask, char after);

static inline bool signal_in_mask(uint64_t mask, int number)
{
	return mask >> (number - 1) & 1;
}
