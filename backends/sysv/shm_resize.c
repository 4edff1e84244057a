/*
 * Another size for a System V segment, which the kernel does not know: the segment is made anew under its key, as the
 * caller, and the contents are copied. So it is allowed only while nobody has it mapped, and the new one has another id.
 *
 * What could fail is tried first with a segment of that size without a key; and the old one's mode is 0 while we look
 * whether anybody is attached, so that nobody but root can attach between that look and its end.
 *
 * Who knew the old id (a shell in its directory) is led to the new one by `moved`. It is a convenience only: after a restart
 * such an object is gone, as it would be without.
 *
 * Locking: `lock` guards `moved`. sysv_shm_remaking is held while a segment's key is free, so that nothing here takes the key
 * or the name; what a native shmget() does in that moment cannot be prevented, and then the contents are kept without a key.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "backends/core/credentials.h"
#include "backends/sysv/shm.h"
#include "backends/core/refusal.h"

enum { MOVED_MAX = 4096 };

GMutex sysv_shm_remaking;

static GMutex lock;
static GHashTable *moved; /* Protected by lock. An id that is no more -> the id of the segment made of it. */

/* shm_nattch, whatever the mode; -1 if it is gone. An id is its index and a sequence number: see sysv_stat_any(). */
static int mappers_list(int id)
{
	static const int index_bits[] = {15, 24};
	struct shmid_ds ds;

	for (size_t i = 0; i < G_N_ELEMENTS(index_bits); i++)
		if (shmctl(id & ((1 << index_bits[i]) - 1), SHM_STAT_ANY, &ds) == id)
			return ds.shm_perm.mode & SHM_DEST ? -1 : (int)ds.shm_nattch;
	return -1;
}

/*
 * Ids come again after some millions: one that is a living segment's stands for that, not for what another segment of this id
 * was made into.
 */
int sysv_shm_id(const Object *object)
{
	int id = (int)object->id;

	for (;;) {
		gpointer next = NULL;
		bool found;

		g_mutex_lock(&lock);
		found = moved && g_hash_table_lookup_extended(moved, GINT_TO_POINTER(id), NULL, &next);
		g_mutex_unlock(&lock);
		if (!found)
			return id;
		if (mappers_list(id) >= 0) {
			g_mutex_lock(&lock);
			g_hash_table_remove(moved, GINT_TO_POINTER(id));
			g_mutex_unlock(&lock);
			return id;
		}
		id = GPOINTER_TO_INT(next);
	}
}

static void note_move(int from, int to)
{
	g_mutex_lock(&lock);
	if (!moved)
		moved = g_hash_table_new(NULL, NULL);
	if (g_hash_table_size(moved) >= MOVED_MAX)
		g_hash_table_remove_all(moved);
	/* Ids come again after a long while: what `to` was once is of no interest. */
	g_hash_table_remove(moved, GINT_TO_POINTER(to));
	g_hash_table_insert(moved, GINT_TO_POINTER(from), GINT_TO_POINTER(to));
	g_mutex_unlock(&lock);
}

/* Whether a segment of that size can be had; nothing stays of it. */
static int try_size(size_t size)
{
	int id = shmget(IPC_PRIVATE, size, 0600);

	if (id >= 0) {
		shmctl(id, IPC_RMID, NULL);
		return 0;
	}
	if (errno == EINVAL)
		return refuse(EINVAL, "a segment has from 1 byte up to limits/shmmax");
	if (errno == ENOSPC)
		return refuse(ENOSPC, "there is no room for a second segment of that size, into which to copy: see "
				      "limits/shmall and limits/shmmni");
	return -errno;
}

static int set_mode(int id, const struct shmid_ds *as, mode_t mode)
{
	struct shmid_ds ds = *as;

	ds.shm_perm.mode = mode;
	return shmctl(id, IPC_SET, &ds) < 0 ? -errno : 0;
}

/* Both attached by us. Pages of zeros take no memory in the new one. */
static void copy_contents(char *to, const char *from, size_t size)
{
	static const char zeros[4096];

	for (size_t done = 0; done < size; done += sizeof zeros) {
		size_t n = MIN(sizeof zeros, size - done);

		if (memcmp(from + done, zeros, n) != 0)
			memcpy(to + done, from + done, n);
	}
}

/*
 * Ends the old segment and takes its key for a new one; where that cannot be had, for one of the old size, or at last for one
 * without a key. Its id; -1 and errno if nothing can be had. *result is why it is not what was wanted.
 */
static int take_key(int old_id, const struct shmid_ds *old, size_t *size, int *result)
{
	const key_t key = old->shm_perm.__key;
	int id = -1;

	*result = 0;
	g_mutex_lock(&sysv_shm_remaking);
	if (shmctl(old_id, IPC_RMID, NULL) < 0) {
		*result = -errno;
		g_mutex_unlock(&sysv_shm_remaking);
		return -1;
	}
	id = shmget(key, *size, IPC_CREAT | IPC_EXCL | 0600);
	if (id < 0) {
		*result = -errno;
		*size = old->shm_segsz;
		id = shmget(key, *size, IPC_CREAT | IPC_EXCL | 0600);
	}
	g_mutex_unlock(&sysv_shm_remaking);
	if (id < 0) {
		id = shmget(IPC_PRIVATE, *size, IPC_CREAT | 0600);
		if (id >= 0)
			*result = refuse(EEXIST,
					 "another program took the key at that moment; the contents are in id-%d", id);
	}
	return id;
}

/* Makes the segment anew, with its contents, owner and mode. Its id, or -1. */
static int make_anew(int old_id, const struct shmid_ds *old, const char *from, size_t size, int *result)
{
	int id = take_key(old_id, old, &size, result);
	char *to;

	if (id < 0)
		return -1;
	to = shmat(id, NULL, 0);
	if (to == (char *)-1) {
		*result = -errno;
		return id;
	}
	copy_contents(to, from, MIN(size, old->shm_segsz));
	shmdt(to);
	set_mode(id, old, old->shm_perm.mode & 0777); /* and the owner */
	return id;
}

/* As the caller, who has the right: nobody else can attach any more. `from` is the segment, attached by us. */
static int replace(int id, const struct shmid_ds *old, const char *from, size_t size)
{
	int made, result;

	if (mappers_list(id) != 1)
		return -EBUSY;
	made = make_anew(id, old, from, size, &result);
	if (made < 0 && (result == -EPERM || result == -EIDRM || result == -EINVAL))
		return result; /* the old one was not ours to end, or has ended by other hands */
	if (made < 0) {
		g_warning("segment 0x%08x is lost: it could not be made anew: %s", (unsigned)old->shm_perm.__key,
			  g_strerror(errno));
		return result < 0 ? result : -ENOMEM;
	}
	note_move(id, made);
	return result;
}

static int busy(void)
{
	return refuse(EBUSY, "the segment is attached (see `attached`), and has to be made anew to be sized");
}

int sysv_shm_resize(const Object *object, int fd, off_t size)
{
	int id = sysv_shm_id(object), result;
	struct shmid_ds ds;
	char *from;

	result = sysv_shm_stat(object, &ds);
	if (result < 0 || (off_t)ds.shm_segsz == size)
		return result;
	if (ds.shm_nattch > 0)
		return busy();
	if (ds.shm_perm.__key == 0)
		return refuse(EINVAL, "a segment without a key (IPC_PRIVATE) keeps its size: it cannot be made anew "
				      "under the same id");
	result = try_size((size_t)MAX(size, 0));
	if (result < 0)
		return result;
	creds_raise();
	from = shmat(id, NULL, SHM_RDONLY);
	result = from == (char *)-1 ? -errno : 0;
	creds_lower();
	if (result < 0)
		return result;
	result = set_mode(id, &ds, 0);
	if (result == -EPERM)
		refuse(EPERM, "only its owner, its creator or root may size it: it is made anew");
	if (result == 0) {
		/* Mappings through `data` are not counted by nattch. */
		result = sysv_shm_mapped(object) ? -EBUSY : replace(id, &ds, from, (size_t)size);
		if (result < 0)
			set_mode(id, &ds, ds.shm_perm.mode & 0777);
	}
	shmdt(from);
	return result == -EBUSY ? busy() : result;
}
