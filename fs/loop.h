#pragma once

#include <stddef.h>

#include "fs/fuse.h"

/*
 * Reads requests, each of at most `room` bytes, and has them served, on this thread alone, until the session has ended.
 * 0 or a negative errno.
 */
int loop_run(struct fuse_session *session, size_t room);
