/*
 * Playing the caller: the kernel is asked for its verdict under the caller's ids, on this thread only.
 *
 * The thread's real and saved ids stay 0, so nobody but root can signal or trace it meanwhile. Capabilities go with the
 * effective uid (capabilities(7), "Effect of user ID changes"). A daemon that is not root plays nobody: it has the rights
 * of its one user, and refuses others (EPERM), whom the mount option allow_other may let in.
 */
#pragma once

#include "backends/core/backend.h"

/* This thread takes the caller's effective uid, gid and groups. Returns 0 or a negative errno (nothing changed then). */
int creds_override(const Caller *caller);

/*
 * The same for kill(2) and its like, which look at the sender's real uid as well, against the target's real and saved ones:
 * the real uid becomes one that nobody has, so that the verdict is the kernel's for the caller's effective uid alone (what
 * FUSE does not tell: the caller's real uid, saved uid and session).
 */
int creds_override_sender(const Caller *caller);

/* This thread is the daemon again. */
void creds_revert(void);

/* Whether this thread plays somebody: not so for root, nor in a daemon that is not root. */
bool creds_overridden(void);

/* The pid that asked, root's as well, until creds_revert(). 0: not known. */
pid_t creds_caller_pid(void);

/* A Caller to keep, with groups of its own; and the end of it, which an empty one needs not. */
void creds_copy(Caller *out, const Caller *caller);
void creds_clear(Caller *caller);

/* The daemon for a moment: for what is its own business, such as the names file. These nest. */
void creds_raise(void);
void creds_lower(void);
