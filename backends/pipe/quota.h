/*
 * What a user's pipes may take. The kernel charges a pipe to the real uid of whoever makes it, which is the daemon's; so the
 * limits of pipe(7), pipe-max-size and pipe-user-pages-soft and -hard, are kept here for each user, as the kernel keeps them:
 * root is bound by what the kernel says to the daemon alone.
 *
 * Locking: the caller holds the pipe lock for these, except pipe_limits_read().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* In bytes; INT64_MAX: no limit. */
typedef struct PipeLimits {
	int64_t largest;    /* one pipe */
	int64_t soft, hard; /* all pipes of a user */
} PipeLimits;

PipeLimits pipe_limits_read(void);

/* The bytes charged to a user. */
int64_t pipe_budget_used(uid_t user);

/* Charges `bytes` more, or fewer, to a user. */
void pipe_budget_add(uid_t user, int64_t bytes);
