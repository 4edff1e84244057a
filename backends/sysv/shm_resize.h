/*
 * Another size for a System V segment. The kernel cannot change the size, so the segment is removed and created again under its
 * key, with its contents, owner and mode. The new segment has another id.
 */
#pragma once

#include "backends/core/backend.h"

/*
 * Gives the segment another size, as the caller, who needs the right to remove it. `data` is the FileDesc of the segment's memory
 * (shm_attached.h). Takes long: it reads the maps of all processes and copies the contents.
 *
 * Returns 0, or a negative errno with the reason noted. The segment is unchanged then, with two exceptions, which another program
 * can cause during the call: -EBUSY, where the reason says that the segment was resized; and any errno, where the reason says
 * under which id the contents are.
 */
int sysv_shm_resize(const Object *object, const FileDesc *data, off_t size);
