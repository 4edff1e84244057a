#include "backends/sysv/ipc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backends/core/host.h"
#include "backends/core/credentials.h"
#include "backends/sysv/names.h"
#include "backends/core/parse.h"
#include "backends/core/text.h"
#include "backends/core/refusal.h"

enum { KEY_TRIES = 4096 };

static Named named(const SysvStat *stat)
{
	return (Named){.key = (uint32_t)stat->perm.__key, .id = stat->id};
}

/* Ids carry a sequence number, so one that is gone says so: EIDRM, or EINVAL once its slot is free (msgctl(2)). */
static int absent(int result)
{
	return result == -EINVAL || result == -EIDRM ? -ENOENT : result;
}

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

uint32_t sysv_key_of_name(const char *name)
{
	uint32_t hash = 2166136261U;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619U;
	return hash ? hash : 1;
}

void sysv_stat_owner(SysvStat *out)
{
	out->stat.uid = out->perm.uid;
	out->stat.gid = out->perm.gid;
	out->stat.mode = out->perm.mode & 0666;
}

int sysv_stat_any(const SysvType *type, int id, SysvStat *out)
{
	/* An id is its index and a sequence number above 15 bits, or above 24 with ipcmni_extend (ipc/util.h). */
	static const int index_bits[] = {15, 24};
	int result = type->stat(id, out);

	for (size_t i = 0; result == -EACCES && i < G_N_ELEMENTS(index_bits); i++)
		if (type->stat_at(id & ((1 << index_bits[i]) - 1), out) == 0 && out->id == id)
			result = 0;
	return result;
}

static void display_name(const SysvType *type, const SysvStat *stat, char *name)
{
	if (names_of(type->word, named(stat), name))
		return;
	if (stat->perm.__key)
		snprintf(name, NAME_MAX + 1, "0x%08x", (unsigned)stat->perm.__key);
	else
		snprintf(name, NAME_MAX + 1, "id-%d", stat->id);
}

int sysv_list(const void *context, const Object *directory, MemberSeen seen, void *data)
{
	const SysvType *type = context;
	int highest = type->highest();

	for (int index = 0; index <= highest; index++) {
		Object object = {0};
		SysvStat stat;

		if (type->stat_at(index, &stat) < 0)
			continue;
		object.id = stat.id;
		display_name(type, &stat, object.name);
		seen(data, &object, &stat.stat);
	}
	return 0;
}

/* The id that a name in the tree stands for, or a negative errno. */
static int id_of_name(const SysvType *type, const char *name)
{
	SysvStat stat;
	Named what;
	int64_t id;
	int result;

	if (parse_key(name, &what.key)) {
		if (what.key == 0)
			return -ENOENT;
	} else if (g_str_has_prefix(name, "id-")) {
		if (!parse_number(name + 3, 0, INT_MAX, &id))
			return -ENOENT;
		what = (Named){.id = (int)id};
	} else if (!names_lookup(type->word, name, &what)) {
		return -ENOENT;
	}
	if (what.key) {
		int found = type->get((key_t)what.key, 0);

		return found < 0 ? -errno : found;
	}
	result = absent(sysv_stat_any(type, what.id, &stat));
	return result < 0 ? result : what.id;
}

int sysv_lookup(const void *context, const Object *directory, const char *name, Object *out)
{
	const SysvType *type = context;
	int id = id_of_name(type, name);

	if (id < 0)
		return id;
	*out = (Object){.id = id};
	g_strlcpy(out->name, name, sizeof out->name);
	return 0;
}

static int refuse_create(const SysvType *type, int error, uint32_t key)
{
	if (error == ENOSPC)
		return refuse(ENOSPC, "as many objects exist as limits/%s allows", type->limit);
	if (error == EEXIST)
		return refuse(EEXIST, "an object with key 0x%08x exists", key);
	return -error;
}

static bool object_alive(const void *data, Named object)
{
	const SysvType *type = data;
	SysvStat stat;

	if (object.key)
		return type->get((key_t)object.key, 0) >= 0;
	return sysv_stat_any(type, object.id, &stat) == 0;
}

static int create_with_name(const SysvType *type, const char *name, mode_t mode)
{
	uint32_t key = sysv_key_of_name(name);
	Named old;
	int id, result;

	if (!names_valid(name))
		return refuse(EINVAL, "a name is a word, or 0x and up to 8 hexadecimal digits for a key");
	if (names_lookup(type->word, name, &old)) {
		if (id_of_name(type, name) >= 0)
			return -EEXIST;
		names_drop(type->word, old);
	}
	for (int tries = 0;; tries++, key++) {
		id = key ? type->get((key_t)key, IPC_CREAT | IPC_EXCL | (int)mode) : -1;
		if (id >= 0)
			break;
		if (key && (errno != EEXIST || tries >= KEY_TRIES))
			return refuse_create(type, errno, key);
	}
	creds_raise();
	names_prune(type->word, object_alive, type);
	creds_lower();
	result = names_add(type->word, name, (Named){.key = key, .id = id});
	if (result < 0) {
		type->remove(id);
		return result == -EEXIST ?
			       result :
			       refuse(-result, "the names file %s cannot be written", host_settings()->names);
	}
	return id;
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
			return refuse(EINVAL, "a key is 0x and 1 to 8 hexadecimal digits, not all of them 0");
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
	SysvStat stat;
	int known;

	creds_raise();
	known = sysv_stat_any(type, (int)object->id, &stat);
	creds_lower();
	if (type->remove((int)object->id))
		return errno == EPERM ? refuse(EPERM, "only its owner, its creator or root may remove it") :
					absent(-errno);
	if (known == 0)
		names_drop(type->word, named(&stat));
	return 0;
}

int sysv_rename(const void *context, const Object *object, const char *name)
{
	const SysvType *type = context;
	SysvStat stat;
	Named old;
	int result;

	if (!names_valid(name))
		return refuse(
			EINVAL,
			"a name is a word; a key (0x…) or an id (id-…) cannot be chosen for an object that exists");
	creds_raise();
	result = absent(sysv_stat_any(type, (int)object->id, &stat));
	if (result == 0 && names_lookup(type->word, name, &old)) {
		if (id_of_name(type, name) >= 0)
			result = -EEXIST;
		else
			names_drop(type->word, old);
	}
	if (result == 0)
		result = names_add(type->word, name, named(&stat));
	creds_lower();
	return result;
}

int sysv_stat(const void *context, const Object *object, ObjectStat *out)
{
	const SysvType *type = context;
	SysvStat stat;
	int result = absent(sysv_stat_any(type, (int)object->id, &stat));

	if (result == 0)
		*out = stat.stat;
	return result;
}

int sysv_set(const void *context, const Object *object, const ObjectChange *change)
{
	const SysvType *type = context;
	SysvStat stat;
	int result;

	creds_raise();
	result = absent(sysv_stat_any(type, (int)object->id, &stat));
	creds_lower();
	if (result < 0)
		return result;
	if (change->set_mode)
		stat.perm.mode = change->mode;
	if (change->set_uid)
		stat.perm.uid = change->uid;
	if (change->set_gid)
		stat.perm.gid = change->gid;
	return absent(type->set((int)object->id, &stat.perm));
}

int sysv_permit(const void *context, const Object *object, const Caller *caller, int rights)
{
	const SysvType *type = context;
	SysvStat stat;
	int result = absent(sysv_stat_any(type, (int)object->id, &stat));

	return result < 0 ? result : sysv_perm_check(&stat.perm, caller, rights);
}

void sysv_print_status(const SysvStat *stat, GString *out)
{
	g_string_append_printf(out, "Key:\t0x%08x\nId:\t%d\n", (unsigned)stat->perm.__key, stat->id);
	g_string_append_printf(out, "Uid:\t%u\nGid:\t%u\nCuid:\t%u\nCgid:\t%u\nMode:\t%04o\n", stat->perm.uid,
			       stat->perm.gid, stat->perm.cuid, stat->perm.cgid, stat->perm.mode & 07777);
}
