/* Who asks, from a FUSE request. */
#pragma once

#include "backends/core/backend.h"
#include "fs/fuse.h"

/* The caller's effective ids and thread. Groups are left out: most verdicts need none (see caller_groups). */
Caller caller_of(fuse_req_t req);

/*
 * Adds the caller's supplementary groups, read from /proc while it waits for us. Returns what g_free() takes once the
 * Caller is no longer used. A caller whose process cannot be seen has none.
 */
gid_t *caller_groups(fuse_req_t req, Caller *caller);

/*
 * Asks members->permit whether the caller has these rights, with its groups if that decides. 0 or a negative errno.
 */
int caller_permitted(fuse_req_t req, const DirOps *members, const Object *object, Caller *caller, int rights);
