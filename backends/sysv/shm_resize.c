/*
 * No contents are lost without notice. The races with native programs, and what is done about each:
 *
 * - A program attaches the old segment. Its mode is 0 from the first check on, so only root can. The daemon itself has it attached
 *   until the end, so the kernel keeps it after IPC_RMID. shm_nattch and shm_lpid show whether another process has attached it
 *   since. If it still exists after the daemon has detached it, another process has it attached. In both cases -EBUSY tells the
 *   caller.
 * - A program attaches the new segment before the contents are in it. Its mode is 0 until then, so only root can. shm_nattch and
 *   shm_lpid show it: -EBUSY.
 * - A program removes the segment, with IPC_RMID or rmdir(2), before it is replaced: -EIDRM. Otherwise the segment would come back.
 *   A native IPC_RMID in the microseconds between has_key() and the daemon's own IPC_RMID is not noticed.
 * - A program takes the key between IPC_RMID and shmget, or the limits no longer allow the new segment. The daemon then keeps the
 *   old segment attached, and the contents can be read under its id until the daemon ends.
 *
 * Everything else that can fail is tried before IPC_RMID. A daemon that is killed between IPC_RMID and the end loses the contents.
 *
 * Locking: sysv_shm_key_lock is held from has_key() to sysv_shm_renumber().
 */
#include "backends/sysv/shm_resize.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backends/core/credentials.h"
#include "backends/core/refusal.h"
#include "backends/sysv/shm_attached.h"
#include "backends/sysv/shm_segment.h"

static int refuse_busy(void)
{
	return refuse(EBUSY,
		      "segment is attached, and resizing recreates it: detach the processes in `attached` first");
}

/* Creates and removes a segment of that size, to learn whether the limits allow it. Returns 0 or a negative errno. */
static int try_size(size_t size)
{
	int id = shmget(IPC_PRIVATE, size, 0600);

	if (id >= 0) {
		shmctl(id, IPC_RMID, NULL);
		return 0;
	}
	if (errno == EINVAL)
		return refuse(EINVAL, "size of a segment is out of range: write 1 to limits/shmmax bytes");
	if (errno == ENOSPC)
		return refuse(ENOSPC,
			      "old and new segment together would exceed limits/shmall or limits/shmmni: remove "
			      "another segment first");
	return -errno;
}

/* Sets owner and group of `old`, and this mode. Returns 0 or a negative errno. */
static int set_perm(int id, const SysvStat *old, mode_t mode)
{
	struct shmid_ds ds = {.shm_perm = old->perm};

	ds.shm_perm.mode = mode;
	return shmctl(id, IPC_SET, &ds) < 0 ? sysv_removed(errno) : 0;
}

/*
 * shmat(2) with the daemon's rights. NULL and errno on failure. A helper process (core/helper.h) does not inherit the attachment,
 * since it would count as one of another process.
 */
static char *attach_segment(int id, size_t size, int flags)
{
	char *at;

	creds_raise();
	at = shmat(id, NULL, flags);
	creds_lower();
	if (at == (char *)-1)
		return NULL;
	madvise(at, size, MADV_DONTFORK);
	return at;
}

/* Whether the daemon has the segment attached, and no other process has attached or detached it since. */
static bool is_alone(int id)
{
	SysvStat stat;

	return sysv_load_id(&sysv_shm_type, id, &stat) == 0 && stat.shm.shm_nattch == 1 &&
	       stat.shm.shm_lpid == getpid();
}

/* Pages of zeros take no memory in the new segment. */
static void copy_contents(char *to, const char *from, size_t size)
{
	static const char zeros[4096];

	for (size_t done = 0; done < size; done += sizeof zeros) {
		size_t length = MIN(sizeof zeros, size - done);

		if (memcmp(from + done, zeros, length) != 0)
			memcpy(to + done, from + done, length);
	}
}

/* Whether the segment has not been removed. A removed segment loses its key, and exists while a process has it attached. */
static bool has_key(const SysvStat *old)
{
	SysvStat stat;

	return sysv_load_id(&sysv_shm_type, old->id, &stat) == 0 && stat.perm.__key == old->perm.__key;
}

/*
 * Removes the old segment and creates one of mode 0 under its key. Sets *removed. Returns the new id or a negative errno; -EIDRM:
 * another process has removed the old segment, and the key must not come back or may be in use again.
 */
static int exchange_segments(const SysvStat *old, size_t size, bool *removed)
{
	int id = -1;

	*removed = false;
	g_mutex_lock(&sysv_shm_key_lock);
	if (!has_key(old)) {
		g_mutex_unlock(&sysv_shm_key_lock);
		return -EIDRM;
	}
	*removed = shmctl(old->id, IPC_RMID, NULL) == 0;
	if (*removed)
		id = shmget(old->perm.__key, size, IPC_CREAT | IPC_EXCL);
	if (id < 0)
		id = -errno;
	else
		sysv_shm_renumber(old->id, id); /* rmdir removes the new segment from here on */
	g_mutex_unlock(&sysv_shm_key_lock);
	return id;
}

/*
 * Fills the new segment. Returns 0; -EBUSY if another process has attached it meanwhile; or another negative errno, and the new
 * segment is removed.
 */
static int fill_segment(int id, const SysvStat *old, const char *from, size_t size)
{
	bool alone;
	char *to = attach_segment(id, size, 0);

	/* A daemon that is not root needs a mode that lets it in. */
	if (!to && errno == EACCES && set_perm(id, old, 0600) == 0)
		to = attach_segment(id, size, 0);
	if (!to) {
		int result = sysv_removed(errno);

		shmctl(id, IPC_RMID, NULL);
		return result;
	}
	copy_contents(to, from, MIN(size, old->shm.shm_segsz));
	alone = is_alone(id);
	shmdt(to);
	set_perm(id, old, old->perm.mode & 0777);
	return alone ? 0 : -EBUSY;
}

/* Runs as the caller. `from` is the old segment, attached; it is detached unless it holds the only copy of the contents. */
static int replace_segment(const SysvStat *old, const char *from, size_t size)
{
	bool removed, alone;
	int id = exchange_segments(old, size, &removed);
	int result = id < 0 ? id : fill_segment(id, old, from, size);

	/* Removal of the new segment, while it has no contents yet, drops the contents. */
	if (result < 0 && removed && result != -EBUSY && result != -EIDRM) {
		set_perm(old->id, old, old->perm.mode & 0777);
		if (id >= 0)
			sysv_shm_renumber(id, old->id); /* takes back the one of exchange_segments() */
		return refuse(-result,
			      "the key was lost during the resize (%s): copy the contents from id-%d before ipcfs ends",
			      g_strerror(-result), old->id);
	}
	if (!removed)
		set_perm(old->id, old, old->perm.mode & 0777);
	alone = is_alone(old->id);
	shmdt(from);
	if (!removed || result == -EIDRM)
		return result;
	if (result == 0 && alone && sysv_shm_count_attached(old->id) < 0)
		return 0;
	return refuse(EBUSY, "segment was attached while it was resized: restart the processes that use id-%d or id-%d",
		      old->id, id);
}

int sysv_shm_resize(const Object *object, const FileDesc *data, off_t size)
{
	SysvStat old;
	const char *from;
	int result = sysv_load(&sysv_shm_type, object, &old);

	if (result < 0 || (off_t)old.shm.shm_segsz == size)
		return result;
	if (old.shm.shm_nattch > 0)
		return refuse_busy();
	if (old.perm.__key == IPC_PRIVATE)
		return refuse(EINVAL, "segment without a key (IPC_PRIVATE) cannot be recreated: make another one");
	result = try_size((size_t)MAX(size, 0));
	if (result < 0)
		return result;
	from = attach_segment(old.id, old.shm.shm_segsz, SHM_RDONLY);
	if (!from)
		return sysv_removed(errno);
	result = set_perm(old.id, &old, 0);
	if (result == -EPERM)
		refuse(EPERM, "only the owner, the creator or root may resize the segment, since that recreates it");
	/* nattch does not count mappings through `data`. */
	if (result == 0 && !sysv_shm_is_mapped(object, data) && is_alone(old.id))
		return replace_segment(&old, from, (size_t)size);
	if (result == 0) {
		set_perm(old.id, &old, old.perm.mode & 0777);
		result = refuse_busy();
	}
	shmdt(from);
	return result;
}
