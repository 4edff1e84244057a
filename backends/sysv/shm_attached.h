/*
 * Which processes have a segment in their memory: attached with shmat(2), or mapped through `data` of the tree. The kernel counts
 * only the former (shm_nattch). Both show in /proc/PID/maps, so each function reads the maps of all processes and takes long.
 *
 * `data` of the segment (shm_memory.h) has an inode number of its own, by which a mapping through the tree is recognised.
 */
#pragma once

#include "backends/core/backend.h"

/* Whether a process other than the daemon has the segment attached or mapped. `data` is the FileDesc of the segment's memory. */
bool sysv_shm_is_mapped(const Object *object, const FileDesc *data);

/* The file `attached`. FileDesc.mechanism is the FileDesc of the segment's memory. */
extern const TextOps sysv_shm_attached;
