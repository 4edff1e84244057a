/*
 * sysv/sem: System V semaphore sets. The directory of all sets, and the directory of each set with one directory for each of its
 * semaphores. fs/ calls the functions here through the DirOps tables. No lock: the kernel keeps all state.
 */
#include "backends/sysv/sem.h"

#include <errno.h>
#include <stdio.h>

#include "backends/core/parse.h"
#include "backends/sysv/sem_attributes.h"
#include "backends/sysv/sem_call.h"
#include "backends/sysv/sem_operate.h"

static const DirOps sem_members = {
	.context = &sysv_sem_type,
	.list = sysv_list,
	.lookup = sysv_lookup,
	.create = sysv_create,
	.remove = sysv_remove,
	.rename = sysv_rename,
	.stat = sysv_stat,
	.set = sysv_set,
	.permit = sysv_permit,
};

/* -- A set: one directory for each semaphore --------------------------------------------------------------------------- */

/* The number of semaphores in the set; 0 once it is removed. */
static int64_t semaphore_count(const Object *set)
{
	SysvStat stat;

	return sysv_load(&sysv_sem_type, set, &stat) < 0 ? 0 : (int64_t)stat.sem.sem_nsems;
}

static int semaphore_list(const void *context, const Object *set, MemberSeen seen, void *data)
{
	int64_t count = semaphore_count(set);
	ObjectStat stat;
	int result = sysv_stat(&sysv_sem_type, set, &stat);

	stat.size = sizeof(unsigned short);
	for (int64_t i = 0; i < count && result == 0; i++) {
		Object semaphore = {.id = set->id, .part = i, .select = 1};

		snprintf(semaphore.name, sizeof semaphore.name, "%d", (int)i);
		seen(data, &semaphore, &stat);
	}
	return result;
}

static int semaphore_lookup(const void *context, const Object *set, const char *name, Object *out)
{
	int64_t number;

	/* 07 is not another name for 7. */
	if (!parse_number(name, 0, INT_MAX, &number) || (name[0] == '0' && name[1]) || number >= semaphore_count(set))
		return -ENOENT;
	*out = (Object){.id = set->id, .part = number, .select = 1};
	g_strlcpy(out->name, name, sizeof out->name);
	return 0;
}

static const DirOps semaphore_members = {.list = semaphore_list, .lookup = semaphore_lookup};

static const FileDesc semaphore_files[] = {
	ATTRIBUTE("value", 0666, &sysv_sem_one_attributes),
	{.name = "op", .kind = STREAM, .mode = 0222, .stream = &semaphore_op, .mechanism = &sysv_sem_one},
	{.name = "hold", .kind = STREAM, .mode = 0222, .stream = &semaphore_hold, .mechanism = &sysv_sem_one},
	ATTRIBUTE("ncnt", 0444, &sysv_sem_one_attributes),
	ATTRIBUTE("zcnt", 0444, &sysv_sem_one_attributes),
	ATTRIBUTE("pid", 0444, &sysv_sem_one_attributes),
	STATUS(&sysv_sem_one_attributes),
	{0},
};

static const FileDesc semaphore = {.kind = DIRECTORY, .files = semaphore_files};

static const FileDesc set_files[] = {
	ATTRIBUTE("values", 0666, &sysv_sem_values_attributes),
	{.name = "op", .kind = STREAM, .mode = 0222, .stream = &semaphore_op, .mechanism = &sysv_sem_set},
	{.name = "undo", .kind = STREAM, .mode = 0222, .stream = &semaphore_op, .mechanism = &sysv_sem_undo},
	STATUS(&sysv_sem_values_attributes),
	ATTRIBUTE("key", 0444, &sysv_sem_attributes),
	ATTRIBUTE("id", 0444, &sysv_sem_attributes),
	ATTRIBUTE("nsems", 0444, &sysv_sem_attributes),
	ATTRIBUTE("otime", 0444, &sysv_sem_attributes),
	ATTRIBUTE("ctime", 0444, &sysv_sem_attributes),
	{0},
};

static const FileDesc set = {
	.kind = DIRECTORY, .files = set_files, .members = &semaphore_members, .member = &semaphore};

const FileDesc sysv_sem_desc = {
	.name = "sem",
	.kind = DIRECTORY,
	.mode = 01777,
	.members = &sem_members,
	.member = &set,
};
