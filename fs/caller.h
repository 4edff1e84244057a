/*
 * The caller of a FUSE request: its ids, its groups, and its permissions.
 *
 * Called by the operations of fs/ while the caller waits for the reply, on a dispatcher thread, without locks.
 */
#pragma once

#include "backends/core/backend.h"
#include "fs/fuse.h"

/* The caller's effective ids and thread, without groups: most permission checks need none (see caller_groups()). */
Caller caller_of(fuse_req_t req);

/*
 * Adds the caller's supplementary groups, which libfuse reads from /proc. Returns them, to be freed with g_free() after
 * the last use of the Caller. A caller whose process cannot be seen has none.
 */
gid_t *caller_groups(fuse_req_t req, Caller *caller);

/* Asks members->permit whether the caller has these rights; with its groups, if those decide. 0 or a negative errno. */
int caller_permitted(fuse_req_t req, const DirOps *members, const Object *object, Caller *caller, int rights);
