/*
 * sysv/sem: System V semaphore sets. This is their directory; sysv_sem_operate.c has the operations, sysv_sem_attributes.c the
 * values and the rest.
 */
#include "backends/sysv/sem.h"

#include <errno.h>
#include <stdio.h>

#include "backends/core/credentials.h"
#include "backends/core/parse.h"
#include "backends/core/refusal.h"

static void fill_stat(const struct semid_ds *ds, int id, SysvStat *out)
{
	*out = (SysvStat){
		.id = id,
		.perm = ds->sem_perm,
		.stat =
			{
				.size = (off_t)(ds->sem_nsems * sizeof(unsigned short)),
				.atime = ds->sem_otime,
				.mtime = MAX(ds->sem_otime, ds->sem_ctime),
				.ctime = ds->sem_ctime,
			},
	};
	sysv_stat_owner(out);
}

/* A set that is made has one semaphore; one that is there has any number. */
static int get(key_t key, int flags)
{
	return semget(key, flags & IPC_CREAT ? 1 : 0, flags);
}

static int stat_id(int id, SysvStat *out)
{
	struct semid_ds ds;

	if (semctl(id, 0, IPC_STAT, (union semun){.buf = &ds}) < 0)
		return -errno;
	fill_stat(&ds, id, out);
	return 0;
}

static int stat_at(int index, SysvStat *out)
{
	struct semid_ds ds;
	int id = semctl(index, 0, SEM_STAT_ANY, (union semun){.buf = &ds});

	if (id < 0)
		return -errno;
	fill_stat(&ds, id, out);
	return 0;
}

static int highest(void)
{
	struct seminfo info;

	return semctl(0, 0, SEM_INFO, (union semun){.info = &info});
}

static int remove_id(int id)
{
	return semctl(id, 0, IPC_RMID);
}

static int set_perm(int id, const struct ipc_perm *perm)
{
	struct semid_ds ds = {.sem_perm = *perm};

	return semctl(id, 0, IPC_SET, (union semun){.buf = &ds}) < 0 ? -errno : 0;
}

static const SysvType sem_type = {
	.word = "sem",
	.limit = "semmni or semmns",
	.get = get,
	.stat = stat_id,
	.stat_at = stat_at,
	.highest = highest,
	.remove = remove_id,
	.set = set_perm,
};

/* -- Another number of semaphores ----------------------------------------------------------------------------------- */

/* Whether somebody has operated on the set, or waits to. The kernel keeps the time of the last operation that succeeded. */
static bool is_used(const Object *object, const struct semid_ds *ds)
{
	bool used = ds->sem_otime != 0;

	for (unsigned long i = 0; i < ds->sem_nsems && !used; i++) {
		Object one = *object;

		one.part = (int64_t)i;
		used = sysv_sem_control(&one, GETNCNT, 0) > 0 || sysv_sem_control(&one, GETZCNT, 0) > 0;
	}
	return used;
}

/* As the caller: a set with this key, owner and mode, and these values. 0 or a negative errno. */
static int make(const struct semid_ds *like, unsigned short *values, size_t count)
{
	struct semid_ds ds = {.sem_perm = like->sem_perm};
	int id = semget(like->sem_perm.__key, (int)count, IPC_CREAT | IPC_EXCL | (like->sem_perm.mode & 0777));
	int result = id < 0 ? -errno : 0;

	/* The maker may set the values, whatever the mode says. */
	if (result == 0) {
		creds_raise();
		if (semctl(id, 0, SETALL, (union semun){.array = values}) < 0 ||
		    semctl(id, 0, IPC_SET, (union semun){.buf = &ds}) < 0)
			result = -errno;
		creds_lower();
	}
	return result;
}

int sysv_sem_make_anew(const Object *object, const struct semid_ds *old, unsigned short *values, size_t count)
{
	g_autofree unsigned short *before = NULL;
	struct seminfo info;
	size_t nsems;
	bool used;
	int result;

	creds_raise();
	used = is_used(object, old);
	before = sysv_sem_values(object, &nsems, &result);
	creds_lower();
	if (result < 0)
		return result;
	if (used)
		return refuse(EINVAL, "the set has %lu semaphores and is in use: write as many values",
			      (unsigned long)old->sem_nsems);
	if (old->sem_perm.__key == IPC_PRIVATE)
		return refuse(EINVAL, "the set has %lu semaphores and no key, under which it could be made anew",
			      (unsigned long)old->sem_nsems);
	if (semctl(0, 0, IPC_INFO, (union semun){.info = &info}) >= 0 && count > (size_t)info.semmsl)
		return refuse(EINVAL, "a set has at most limits/semmsl semaphores, which is %d", info.semmsl);
	if (semctl((int)object->id, 0, IPC_RMID) < 0)
		return errno == EPERM ? refuse(EPERM, "only its owner, its creator or root may make the set anew") :
					sysv_sem_removed(errno);
	result = make(old, values, count);
	if (result == 0)
		return 0;
	if (make(old, before, nsems) < 0)
		return refuse(-result, "the set is gone: it could not be made anew");
	return result == -ENOSPC ? refuse(ENOSPC, "all sets together have as many semaphores as limits/semmns allows") :
				   result;
}

/* -- The directory -------------------------------------------------------------------------------------------------- */

static const DirOps sem_members = {
	.list = sysv_list,
	.lookup = sysv_lookup,
	.create = sysv_create,
	.remove = sysv_remove,
	.rename = sysv_rename,
	.stat = sysv_stat,
	.set = sysv_set,
	.permit = sysv_permit,
	.context = &sem_type,
};

/* How many semaphores the set has, for whoever asks; none if it is gone. */
static int64_t count_of(const Object *object)
{
	SysvStat stat;

	return sysv_stat_any(&sem_type, (int)object->id, &stat) < 0 ?
		       0 :
		       (int64_t)(stat.stat.size / (off_t)sizeof(unsigned short));
}

static int one_list(const void *context, const Object *at, MemberSeen seen, void *data)
{
	int64_t count = count_of(at);
	ObjectStat stat;
	int result = sysv_stat(&sem_type, at, &stat);

	stat.size = sizeof(unsigned short);
	for (int64_t i = 0; i < count && result == 0; i++) {
		Object one = {.id = at->id, .part = i, .select = 1};

		snprintf(one.name, sizeof one.name, "%d", (int)i);
		seen(data, &one, &stat);
	}
	return result;
}

static int one_lookup(const void *context, const Object *at, const char *name, Object *out)
{
	int64_t number;

	/* 07 is no other name for 7. */
	if (!parse_number(name, 0, INT_MAX, &number) || (name[0] == '0' && name[1]) || number >= count_of(at))
		return -ENOENT;
	*out = (Object){.id = at->id, .part = number, .select = 1};
	g_strlcpy(out->name, name, sizeof out->name);
	return 0;
}

static const DirOps one_members = {.list = one_list, .lookup = one_lookup};

/* clang-format off */
static const FileDesc one_files[] = {
	{.name = "value", .kind = TEXT, .mode = 0666, .text = &sysv_sem_one_value, .which = ONE_VALUE},
	{.name = "op", .kind = STREAM, .mode = 0222, .stream = &semaphore_op, .mechanism = &sysv_sem_one},
	{.name = "hold", .kind = STREAM, .mode = 0222, .stream = &semaphore_hold, .mechanism = &sysv_sem_one},
	{.name = "ncnt", .kind = TEXT, .mode = 0444, .text = &sysv_sem_one_attribute, .which = ONE_NCNT},
	{.name = "zcnt", .kind = TEXT, .mode = 0444, .text = &sysv_sem_one_attribute, .which = ONE_ZCNT},
	{.name = "pid", .kind = TEXT, .mode = 0444, .text = &sysv_sem_one_attribute, .which = ONE_PID},
	{.name = "status", .kind = TEXT, .mode = 0444, .text = &sysv_sem_one_status},
	{0},
};

static const FileDesc one = {.kind = DIRECTORY, .files = one_files};

static const FileDesc set_files[] = {
	{.name = "values", .kind = TEXT, .mode = 0666, .text = &sysv_sem_values_text},
	{.name = "op", .kind = STREAM, .mode = 0222, .stream = &semaphore_op, .mechanism = &sysv_sem_set},
	{.name = "undo", .kind = STREAM, .mode = 0222, .stream = &semaphore_op, .mechanism = &sysv_sem_undo},
	{.name = "status", .kind = TEXT, .mode = 0444, .text = &sysv_sem_status},
	{.name = "key", .kind = TEXT, .mode = 0444, .text = &sysv_sem_attribute, .which = SEM_KEY},
	{.name = "id", .kind = TEXT, .mode = 0444, .text = &sysv_sem_attribute, .which = SEM_ID},
	{.name = "nsems", .kind = TEXT, .mode = 0444, .text = &sysv_sem_attribute, .which = SEM_NSEMS},
	{.name = "otime", .kind = TEXT, .mode = 0444, .text = &sysv_sem_attribute, .which = SEM_OTIME},
	{.name = "ctime", .kind = TEXT, .mode = 0444, .text = &sysv_sem_attribute, .which = SEM_CTIME},
	{0},
};
/* clang-format on */

static const FileDesc set = {.kind = DIRECTORY, .files = set_files, .members = &one_members, .member = &one};

const FileDesc sysv_sem_desc = {
	.name = "sem",
	.kind = DIRECTORY,
	.mode = 01777,
	.members = &sem_members,
	.member = &set,
};
