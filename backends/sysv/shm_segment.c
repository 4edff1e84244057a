/*
 * The calls for System V segments, and the map of renumbered segments (shm_segment.h). The other shm files call it, on
 * any thread.
 *
 * Locking: `lock` guards the map of renumbered segments, and no other lock is taken under it.
 */
#include "backends/sysv/shm_segment.h"

#include <unistd.h>

enum { RENUMBERED_MAX = 4096 };

GMutex sysv_shm_key_lock; /* "the key lock" */

static GMutex lock;            /* "the renumbering lock" */
static GHashTable *renumbered; /* Protected by lock. The id of a segment that was resized -> the id of its replacement. */

/* A new segment has one page. For a segment that exists, 0 asks for any size. */
static int segment_get(key_t key, int flags)
{
	return shmget(key, flags & IPC_CREAT ? (size_t)sysconf(_SC_PAGESIZE) : 0, flags);
}

static int segment_control(int id, int command, void *argument)
{
	return shmctl(id, command, argument);
}

static void segment_fill_stat(const SysvStat *stat, ObjectStat *out)
{
	const struct shmid_ds *ds = &stat->shm;

	out->size = (off_t)ds->shm_segsz;
	out->atime = ds->shm_atime;
	out->mtime = MAX(MAX(ds->shm_atime, ds->shm_dtime), ds->shm_ctime);
	out->ctime = ds->shm_ctime;
}

const SysvType sysv_shm_type = {
	.word = "shm",
	.limit = "shmmni",
	.get = segment_get,
	.control = segment_control,
	.stat_any = SHM_STAT_ANY,
	.info = SHM_INFO,
	.fill = segment_fill_stat,
	.id = sysv_shm_id,
};

int sysv_shm_count_attached(int id)
{
	SysvStat stat;

	return sysv_load_id(&sysv_shm_type, id, &stat) < 0 ? -1 : (int)stat.shm.shm_nattch;
}

static bool is_alive(int id)
{
	SysvStat stat;

	return sysv_load_id(&sysv_shm_type, id, &stat) == 0 && !(stat.perm.mode & SHM_DEST);
}

int sysv_shm_id(const Object *object)
{
	int id = (int)object->id;

	for (;;) {
		gpointer next = NULL;
		bool has_next;

		g_mutex_lock(&lock);
		has_next = renumbered && g_hash_table_lookup_extended(renumbered, GINT_TO_POINTER(id), NULL, &next);
		g_mutex_unlock(&lock);
		if (!has_next)
			return id;
		/* The kernel reuses an id after some millions of segments. An id that is in use again stands for itself. */
		if (is_alive(id)) {
			g_mutex_lock(&lock);
			g_hash_table_remove(renumbered, GINT_TO_POINTER(id));
			g_mutex_unlock(&lock);
			return id;
		}
		id = GPOINTER_TO_INT(next);
	}
}

void sysv_shm_renumber(int old, int new)
{
	g_mutex_lock(&lock);
	if (!renumbered)
		renumbered = g_hash_table_new(NULL, NULL);
	if (g_hash_table_size(renumbered) >= RENUMBERED_MAX)
		g_hash_table_remove_all(renumbered);
	/* `new` may be a reused id. Without this, the map could contain a circle. */
	g_hash_table_remove(renumbered, GINT_TO_POINTER(new));
	g_hash_table_insert(renumbered, GINT_TO_POINTER(old), GINT_TO_POINTER(new));
	g_mutex_unlock(&lock);
}
