/* sysv/shm: System V shared-memory segments. */
#pragma once

#include <sys/shm.h>

#include "backends/sysv/ipc.h"

extern const FileDesc sysv_shm_desc;

/*
 * A descriptor of the segment's own pages, to be closed by the caller: pread, pwrite and mmap work on it. `flags` as for
 * open(2), of which O_ACCMODE counts. -ENODEV where the daemon may not have one; else a negative errno. The caller's right
 * is not asked for.
 */
int sysv_shm_backing(const Object *object, int flags);

/* -- Between the files of sysv/shm ----------------------------------------------------------------------------------- */

extern const SysvType sysv_shm_type;

/* The segment that the object is now: one that was made anew with another size has another id (sysv_shm_resize.c). */
int sysv_shm_id(const Object *object);

/* IPC_STAT of it, by the daemon. 0, -EIDRM once it is gone, or another negative errno. */
int sysv_shm_stat(const Object *object, struct shmid_ds *out);

/* `data` (sysv_shm_memory.c). */
extern const FileDesc sysv_shm_data;

/* Held while a segment that is made anew has no key: whoever takes keys or names here waits for that moment. */
extern GMutex sysv_shm_remaking;

/*
 * Gives the segment another size, as the caller: 0, or a negative errno and nothing has changed. Needs the right to remove
 * it. `fd` is not looked at.
 */
int sysv_shm_resize(const Object *object, int fd, off_t size);

/* Whether somebody has the segment mapped, by shmat(2) or through `data`. Takes long. */
bool sysv_shm_mapped(const Object *object);

/* The text files; `which` of the row is one of these (sysv_shm_attributes.c). */
enum {
	SHM_KEY,
	SHM_ID,
	SHM_SIZE,
	SHM_NATTCH,
	SHM_CPID,
	SHM_LPID,
	SHM_ATIME,
	SHM_DTIME,
	SHM_CTIME,
	SHM_LOCKING,
	SHM_DESTROYED,
	SHM_ATTRIBUTES
};

extern const TextOps sysv_shm_attribute, sysv_shm_size, sysv_shm_lock, sysv_shm_attached, sysv_shm_status;
