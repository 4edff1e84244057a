/*
 * Quotas: how much of one of the daemon's resources each user may have. Every resource that users can consume has a Quota;
 * docs/limits.md lists them all. Root has no limit.
 *
 * A charge and its release take constant time. All functions may be called from any thread, with any other lock held: the
 * quota lock is the innermost one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <glib.h>

typedef struct Quota {
	const char *what;   /* the resource, in the plural: "pipes" */
	const char *remedy; /* what a user at the limit can do: "remove some" */
	int error;          /* the errno at the limit: ENOSPC, ENFILE, ENOMEM */
	int64_t user_max;   /* the limit of each user but root */

	GHashTable *used; /* Protected by the quota lock. uid -> amount, where that is not 0 */
} Quota;

/* Notes that a user is at the limit, with the remedy. Returns -quota->error. */
int quota_refuse(const Quota *quota);

/* Charges `amount` to the user. Returns 0; or -quota->error with the reason noted, and nothing charged. */
int quota_charge(Quota *quota, uid_t uid, int64_t amount);

/*
 * Charges `amount` if the user then has at most `limit`, for root too. Returns whether it was charged; no reason is noted. For
 * limits that are not constant.
 */
bool quota_try(Quota *quota, uid_t uid, int64_t amount, int64_t limit);

/* Takes back `amount`, which was charged to the user. */
void quota_release(Quota *quota, uid_t uid, int64_t amount);

/* Returns the amount that is charged to the user now. */
int64_t quota_used(Quota *quota, uid_t uid);
