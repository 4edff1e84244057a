/*
 * `data` of a System V segment: the segment's memory as a file.
 *
 * The kernel lists each attached segment under /proc/self/map_files. Opening that entry gives a descriptor of the segment's own
 * inode, which outlives the attachment. The kernel requires CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE for it. A daemon without the
 * privilege attaches the segment for each read and write, and copies.
 *
 * The inode must not grow: the kernel uses its size as the size of the segment (shmat(2), accounting), and a write past the end
 * would extend it. Hence MemoryOps.bounded.
 *
 * No lock: the kernel keeps all state.
 */
#pragma once

#include "backends/core/backend.h"

extern const FileDesc sysv_shm_data;

/*
 * A descriptor of the segment's pages, which the caller closes: pread, pwrite and mmap work on it. `flags` are those of open(2),
 * of which O_ACCMODE counts. Does not check the caller's rights. Returns -ENODEV if the daemon may not have such a descriptor, or
 * another negative errno.
 */
int sysv_shm_backing(const Object *object, int flags);
