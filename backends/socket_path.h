/* Paths of unix sockets, walked as the caller. */
#pragma once

#include "backends/socket_address.h"

/*
 * Whether paths mean the same to this caller and to the daemon: 0, or -EXDEV with the reason noted for one with another root
 * directory or mount namespace (chroot, a container), who would reach the daemon's sockets by it.
 */
int path_check_caller(const Caller *caller);

/* -ELOOP, the reason noted, for a path below the daemon's own mountpoint, whose answer would be the daemon's own. */
int path_check_mount(const char *path);
