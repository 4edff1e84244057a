/*
 * System V shared-memory segments: what the files of sysv/shm need to find a segment and to call shmctl(2).
 *
 * A resized segment is a new segment with another id (shm_resize.h). An Object that was looked up earlier, such as the working
 * directory of a shell, still has the old id. Therefore every use of an Object's id goes through sysv_shm_id(). The map of
 * renumbered segments is a convenience: it ends with the daemon, and such an Object is then gone.
 */
#pragma once

#include "backends/sysv/ipc.h"

extern const SysvType sysv_shm_type;

/*
 * Held while a segment that is being resized has no key, and while the tree creates, renames or removes a segment: neither can
 * then take the key or the name, or remove the old segment in place of the new one. A native program can.
 */
extern GMutex sysv_shm_key_lock;

/* The id of the segment that the object stands for now. */
int sysv_shm_id(const Object *object);

/* From now on, an object with the id `old` stands for the segment `new`. */
void sysv_shm_renumber(int old, int new);

/* shm_nattch of a segment, whatever its mode and even if it was removed; -1 if there is no such segment. */
int sysv_shm_count_attached(int id);
