/*
 * Paths of unix sockets, walked with the caller's credentials.
 *
 * A walk never enters the daemon's own mount. A system call of the daemon that waited there for the daemon's answer
 * would keep the process, and with it the mount, from ending when it is killed. Links may lead anywhere, so the text
 * of a path does not tell. The path is walked name by name, with the kernel's rules on links.
 *
 * "May take long": the call may wait for a file system, so only worker threads and background jobs call it.
 */
#pragma once

#include "backends/socket/address.h"

/*
 * Whether paths mean the same to this caller and to the daemon. 0, or -EXDEV with the reason noted: the caller has
 * another root directory or mount namespace (chroot, a container) and would reach the daemon's sockets instead of its
 * own. Called while `caller` waits for the answer; later its pid may be another process's. Never sleeps.
 */
int path_check_caller(const Caller *caller);

/*
 * Opens an absolute path (O_PATH) with the thread's credentials and follows a link at its end. Returns a descriptor or
 * a negative errno; -ELOOP, the reason noted: the path leads into the daemon's own mount. May take long.
 */
int path_open(const char *path);

/*
 * The address of the socket that such a descriptor refers to, for connect(2) and sendto(2) while the descriptor is
 * open. The kernel then walks no path, and no path is too long.
 */
void path_address(int fd, Address *out);

/* Whether a socket may be bound at this path: 0, or the error of path_open() for its directory. May take long. */
int path_check_mount(const char *path);

/* unlink(2) with the thread's credentials: 0 or a negative errno. May take long. */
int path_unlink(const char *path);

/* path_open() on a thread of its own, for which no request has to wait (async.h). */
typedef struct PathWalk PathWalk;

/*
 * Begins it with the credentials of `caller`, which are copied. host_wake(key) is called when it is done. 0, or a
 * negative errno with the reason noted.
 */
int path_walk_begin(const char *path, const Caller *caller, const int64_t key[4], PathWalk **out);

/*
 * The descriptor, which then belongs to the calling function; -EAGAIN: not yet; or another negative errno, the reason
 * noted if there is one.
 */
int path_walk_result(PathWalk *walk);

/* May be called at any time. NULL is allowed. */
void path_walk_free(PathWalk *walk);
