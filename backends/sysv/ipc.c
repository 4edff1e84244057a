/*
 * The code that the three System V mechanisms share (ipc.h). fs/ calls it through their DirOps tables. It takes
 * no lock; sysv/shm calls it with sysv_shm_key_lock held while an object gets a key or a name.
 */
#include "backends/sysv/ipc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backends/core/credentials.h"
#include "backends/core/host.h"
#include "backends/core/parse.h"
#include "backends/core/refusal.h"
#include "backends/sysv/names.h"

enum { KEY_TRIES = 4096 };

/* -- The state of an object in the kernel ---------------------------------------------------------------------------- */

int sysv_removed(int error)
{
	return error == EINVAL ? -EIDRM : -error;
}

int sysv_load_index(const SysvType *type, int index, SysvStat *out)
{
	out->id = type->control(index, type->stat_any, &out->perm);
	return out->id < 0 ? -errno : 0;
}

int sysv_highest(const SysvType *type)
{
	union {
		struct msginfo msg;
		struct seminfo sem;
		struct shm_info shm;
	} info;

	return type->control(0, type->info, &info);
}

int sysv_load_id(const SysvType *type, int id, SysvStat *out)
{
	/* An id is its index and a sequence number above 15 bits, or above 24 with ipcmni_extend (ipc/util.h). */
	static const int index_bits[] = {15, 24};
	SysvStat stat = {.id = id};
	int result;

	creds_raise();
	result = type->control(id, IPC_STAT, &stat.perm) < 0 ? sysv_removed(errno) : 0;
	for (size_t i = 0; result == -EACCES && i < G_N_ELEMENTS(index_bits); i++)
		if (sysv_load_index(type, id & ((1 << index_bits[i]) - 1), &stat) == 0 && stat.id == id)
			result = 0;
	creds_lower();
	if (result == 0)
		*out = stat;
	return result;
}

static int object_id(const SysvType *type, const Object *object)
{
	return type->id ? type->id(object) : (int)object->id;
}

int sysv_load(const SysvType *type, const Object *object, SysvStat *out)
{
	return sysv_load_id(type, object_id(type, object), out);
}

/* For a name of the tree: an object that is removed has none. */
static int absent(int result)
{
	return result == -EINVAL || result == -EIDRM ? -ENOENT : result;
}

static void fill_object_stat(const SysvType *type, const SysvStat *stat, ObjectStat *out)
{
	*out = (ObjectStat){.uid = stat->perm.uid, .gid = stat->perm.gid, .mode = stat->perm.mode & 0666};
	type->fill(stat, out);
}

/* -- Permissions ------------------------------------------------------------------------------------------------------ */

static bool in_groups(const Caller *caller, gid_t gid)
{
	if (caller->gid == gid)
		return true;
	for (int i = 0; i < caller->ngroups; i++)
		if (caller->groups[i] == gid)
			return true;
	return false;
}

int sysv_perm_check(const struct ipc_perm *perm, const Caller *caller, int rights)
{
	int wanted = rights & (RIGHT_READ | RIGHT_WRITE);
	int granted = perm->mode;
	bool owns = caller->uid == perm->uid || caller->uid == perm->cuid;

	if (caller->uid == 0)
		return 0;
	if ((rights & RIGHT_OWN) && !owns)
		return -EPERM;
	if (owns)
		granted >>= 6;
	else if (in_groups(caller, perm->gid) || in_groups(caller, perm->cgid))
		granted >>= 3;
	return wanted & ~granted ? -EACCES : 0;
}

/* -- Names and keys --------------------------------------------------------------------------------------------------- */

uint32_t sysv_key_of_name(const char *name)
{
	uint32_t hash = 2166136261U;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619U;
	return hash ? hash : 1;
}

static Named named(const SysvStat *stat)
{
	return (Named){.key = (uint32_t)stat->perm.__key, .id = stat->id};
}

/* The name that the listing shows: the name in the names file, else the key, else the id. `name` has NAME_MAX + 1 bytes. */
static void display_name(const SysvType *type, const SysvStat *stat, char *name)
{
	if (names_of(type->word, named(stat), name))
		return;
	if (stat->perm.__key)
		snprintf(name, NAME_MAX + 1, "0x%08x", (unsigned)stat->perm.__key);
	else
		snprintf(name, NAME_MAX + 1, "id-%d", stat->id);
}

/* The id that a name in the tree stands for, or a negative errno. */
static int id_of_name(const SysvType *type, const char *name)
{
	SysvStat stat;
	Named object;
	int64_t number;
	int id, result;

	if (parse_key(name, &object.key)) {
		if (object.key == 0)
			return -ENOENT;
	} else if (g_str_has_prefix(name, "id-")) {
		if (!parse_number(name + 3, 0, INT_MAX, &number))
			return -ENOENT;
		object = (Named){.id = (int)number};
	} else if (!names_lookup(type->word, name, &object)) {
		return -ENOENT;
	}
	if (object.key) {
		id = type->get((key_t)object.key, 0);
		return id < 0 ? -errno : id;
	}
	result = absent(sysv_load_id(type, object.id, &stat));
	return result < 0 ? result : object.id;
}

static bool object_exists(const void *data, Named object)
{
	const SysvType *type = data;
	SysvStat stat;

	if (object.key)
		return type->get((key_t)object.key, 0) >= 0;
	return sysv_load_id(type, object.id, &stat) == 0;
}

/* Drops the name if its object was removed. Returns 0, or -EEXIST if the object exists. */
static int free_name(const SysvType *type, const char *name)
{
	Named object;

	if (!names_lookup(type->word, name, &object))
		return 0;
	if (id_of_name(type, name) >= 0)
		return -EEXIST;
	names_drop(type->word, object);
	return 0;
}

/* -- The directory ---------------------------------------------------------------------------------------------------- */

int sysv_list(const void *context, const Object *directory, MemberSeen seen, void *data)
{
	const SysvType *type = context;
	int highest = sysv_highest(type);

	for (int index = 0; index <= highest; index++) {
		Object object = {0};
		ObjectStat attributes;
		SysvStat stat;

		if (sysv_load_index(type, index, &stat) < 0)
			continue;
		object.id = stat.id;
		display_name(type, &stat, object.name);
		fill_object_stat(type, &stat, &attributes);
		seen(data, &object, &attributes);
	}
	return 0;
}

int sysv_lookup(const void *context, const Object *directory, const char *name, Object *out)
{
	int id = id_of_name(context, name);

	if (id < 0)
		return id;
	*out = (Object){.id = id};
	g_strlcpy(out->name, name, sizeof out->name);
	return 0;
}

static int refuse_create(const SysvType *type, int error, uint32_t key)
{
	if (error == ENOSPC)
		return refuse(ENOSPC, "number of objects has reached limits/%s: remove some", type->limit);
	if (error == EEXIST)
		return refuse(EEXIST, "an object with key 0x%08x exists: use it, or another key", key);
	return -error;
}

/* Makes an object with the name's key, or with the next key that is free. Returns its id or a negative errno. */
static int create_with_name(const SysvType *type, const char *name, mode_t mode)
{
	uint32_t key = sysv_key_of_name(name);
	int id, result;

	if (!names_valid(name))
		return refuse(EINVAL, "not a valid name: use a word, or 0x and up to 8 hexadecimal digits for a key");
	result = free_name(type, name);
	if (result < 0)
		return result;
	for (int tries = 0;; tries++, key++) {
		id = key ? type->get((key_t)key, IPC_CREAT | IPC_EXCL | (int)mode) : -1;
		if (id >= 0)
			break;
		if (key && (errno != EEXIST || tries >= KEY_TRIES))
			return refuse_create(type, errno, key);
	}
	names_prune(type->word, object_exists, type);
	result = names_add(type->word, name, (Named){.key = key, .id = id});
	if (result == 0)
		return id;
	type->control(id, IPC_RMID, NULL);
	return result == -EEXIST ? result : refuse(-result, "cannot write the names file %s", host_settings()->names);
}

int sysv_create(const void *context, const Object *directory, const char *name, mode_t mode, Object *out)
{
	const SysvType *type = context;
	uint32_t key;
	int id;

	if (!g_str_has_prefix(name, "0x")) {
		id = create_with_name(type, name, mode);
		if (id < 0)
			return id;
	} else {
		if (!parse_key(name, &key) || key == 0)
			return refuse(EINVAL,
				      "not a valid key: use 0x and 1 to 8 hexadecimal digits, not all of them 0");
		id = type->get((key_t)key, IPC_CREAT | IPC_EXCL | (int)mode);
		if (id < 0)
			return refuse_create(type, errno, key);
	}
	*out = (Object){.id = id};
	g_strlcpy(out->name, name, sizeof out->name);
	return 0;
}

int sysv_remove(const void *context, const Object *object)
{
	const SysvType *type = context;
	const int id = object_id(type, object);
	SysvStat stat;
	bool known = sysv_load_id(type, id, &stat) == 0;

	if (type->control(id, IPC_RMID, NULL) < 0)
		return errno == EPERM ? refuse(EPERM, "only the owner, the creator or root may remove the object") :
					absent(-errno);
	if (known)
		names_drop(type->word, named(&stat));
	return 0;
}

int sysv_rename(const void *context, const Object *object, const char *name)
{
	const SysvType *type = context;
	SysvStat stat;
	int result;

	if (!names_valid(name))
		return refuse(EINVAL,
			      "not a valid name: use a word; the key (0x…) and the id (id-…) of an object are fixed");
	result = absent(sysv_load(type, object, &stat));
	if (result == 0)
		result = free_name(type, name);
	return result < 0 ? result : names_add(type->word, name, named(&stat));
}

int sysv_stat(const void *context, const Object *object, ObjectStat *out)
{
	SysvStat stat;
	int result = absent(sysv_load(context, object, &stat));

	if (result == 0)
		fill_object_stat(context, &stat, out);
	return result;
}

/* IPC_SET of a queue sets qbytes as well. It stays as it was, since the rest of `stat` is what the kernel said. */
int sysv_set(const void *context, const Object *object, const ObjectChange *change)
{
	const SysvType *type = context;
	SysvStat stat;
	int result = absent(sysv_load(type, object, &stat));

	if (result < 0)
		return result;
	if (change->set_mode)
		stat.perm.mode = change->mode;
	if (change->set_uid)
		stat.perm.uid = change->uid;
	if (change->set_gid)
		stat.perm.gid = change->gid;
	return type->control(stat.id, IPC_SET, &stat.perm) < 0 ? absent(-errno) : 0;
}

int sysv_permit(const void *context, const Object *object, const Caller *caller, int rights)
{
	SysvStat stat;
	int result = absent(sysv_load(context, object, &stat));

	return result < 0 ? result : sysv_perm_check(&stat.perm, caller, rights);
}

/* -- Attributes ------------------------------------------------------------------------------------------------------- */

void sysv_print_key(const void *value, GString *out)
{
	g_string_append_printf(out, "0x%08x\n", (unsigned)*(const key_t *)value);
}

void sysv_print_mode(const void *value, GString *out)
{
	g_string_append_printf(out, "%04o\n", (unsigned)*(const mode_t *)value & 0777);
}
