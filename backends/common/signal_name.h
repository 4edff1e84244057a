/*
 * The names of signals: as in signal(7) without SIG. A real-time signal is RTMIN, RTMIN+1 to RTMIN+29, or RTMAX. signal/ and
 * posix/mq call these functions. They have no state.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/* The real-time signals that programs can use. glibc uses 32 and 33 itself, on every architecture. */
enum { SIGNAL_RT_FIRST = 34, SIGNAL_LAST = 64 };

enum { SIGNAL_NAME_MAX = 16 };

/* Writes the name of a signal to `out`; for a signal without a name, its number ("32"). */
void signal_name(int number, char out[SIGNAL_NAME_MAX]);

/* Returns a short description of a signal. */
const char *signal_meaning(int number);

/*
 * Parses the first `length` bytes of text: a number from 0 to 64, or a name in upper or lower case, with or without SIG. RTMAX-1
 * to RTMAX-30 are names too. Returns the number, or -1.
 */
int signal_parse(const char *text, int length);

/* Prints the names of the signals in a mask as in /proc/PID/status, each followed by `after`. */
void signal_print_mask(GString *out, uint64_t mask, char after);

static inline bool signal_in_mask(uint64_t mask, int number)
{
	return mask >> (number - 1) & 1;
}
