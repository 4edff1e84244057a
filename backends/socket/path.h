/*
 * Paths of unix sockets, walked as the caller.
 *
 * The daemon's own mount is never entered. A system call of ours that waited there for our own answer would keep the process, and
 * with it the mount, from ending when it is killed. Links lead anywhere, so that a look at the text of a path cannot tell: it is
 * walked name by name, the kernel's rules on links included.
 */
#pragma once

#include "backends/socket/address.h"

/*
 * Whether paths mean the same to this caller and to the daemon: 0, or -EXDEV with the reason noted for one with another root
 * directory or mount namespace (chroot, a container), who would reach the daemon's sockets by it. `caller` waits for the answer:
 * later its pid may be another's. Never sleeps.
 */
int path_check_caller(const Caller *caller);

/*
 * Opens what an absolute path names (O_PATH), as whom the thread plays; a link at its end is followed. The descriptor, or a negative
 * errno; -ELOOP, the reason noted, where it leads into the daemon's own mount. May take long.
 */
int path_open(const char *path);

/*
 * The address of the socket that such a descriptor is of, for connect(2) and sendto(2) while it is open: nothing is walked then,
 * and no path is too long.
 */
void path_address(int fd, Address *out);

/* Whether a socket may be bound there: 0, or what path_open() says of the directory that it is in. May take long. */
int path_check_mount(const char *path);

/* unlink(2), as whom the thread plays: 0 or a negative errno. May take long. */
int path_unlink(const char *path);

/* path_open() on a thread of its own, which nobody has to wait for: see errand.h. */
typedef struct PathWalk PathWalk;

/* Begins it as `caller` (copied); host_wake(key) when it is done. 0, or a negative errno with the reason noted. */
int path_walk_begin(const char *path, const Caller *caller, const int64_t key[4], PathWalk **out);

/* A descriptor, now whoever's asks; -EAGAIN: not yet; or a negative errno, the reason noted if there is one. */
int path_walk_result(PathWalk *walk);

/* At any time; NULL is fine. */
void path_walk_free(PathWalk *walk);
