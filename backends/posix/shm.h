/* posix/shm: POSIX shared-memory objects. */
#pragma once

#include "backends/core/backend.h"

extern const FileDesc posix_shm_desc;

/*
 * A descriptor of the object's pages, to be closed by the caller: pread, pwrite, mmap and ftruncate work on it. `flags` as for
 * open(2), of which O_ACCMODE and O_APPEND count. Runs as whoever asks: the kernel gives the verdict. -ENOENT if the object is
 * gone, also where another one has its name.
 */
int posix_shm_backing(const Object *object, int flags);
