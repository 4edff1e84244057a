/*
 * Credentials: a thread of the daemon takes the effective ids of the caller, so that the kernel itself checks the caller's
 * permissions.
 *
 * Only the effective uid, the effective gid and the supplementary groups of the one thread change. Its real and saved uid stay
 * 0, so that only root can signal or trace the thread. Capabilities follow the effective uid (capabilities(7), "Effect of user
 * ID changes"). A non-root daemon cannot impersonate callers: it has the rights of its own user, and refuses other users, which
 * the mount option allow_other may let in, with EPERM.
 *
 * fs/ overrides the ids around create, remove, open and similar functions of a mechanism. Mechanisms raise and lower them for
 * the daemon's own business. All state belongs to the thread, so there are no locks.
 */
#pragma once

#include "backends/core/backend.h"

/* Takes the caller's effective ids and groups on this thread. Returns 0, or a negative errno with nothing changed. */
int creds_override(const Caller *caller);

/*
 * The same for system calls that check the real uid too, as kill(2) does. The thread's real uid becomes one that no user has,
 * so that the kernel's check depends on the effective uid alone.
 */
int creds_override_sender(const Caller *caller);

/* Returns this thread to the daemon's own ids. */
void creds_revert(void);

/* Whether this thread has the ids of a caller. False for root's requests, and in a non-root daemon. */
bool creds_overridden(void);

/* The caller's pid between creds_override() and creds_revert(), root's too. 0: not known. */
pid_t creds_caller_pid(void);

/* Copies a Caller together with its groups. creds_clear() frees the groups; a zeroed Caller needs no creds_clear(). */
void creds_copy(Caller *out, const Caller *caller);
void creds_clear(Caller *caller);

/* Give this thread the daemon's own ids for a while, and take them away again. Pairs nest. Without an override they do nothing. */
void creds_raise(void);
void creds_lower(void);
