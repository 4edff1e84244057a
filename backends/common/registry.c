/*
 * Locking: `lock`, "the own lock", guards all tables and the fields of objects that are named there. It is held for a few
 * instructions.
 */
#include "backends/common/registry.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backends/core/refusal.h"

static GMutex lock;
static int64_t last_id; /* Protected by lock. */

/* Called with lock held. */
static void table_prepare(OwnTable *table)
{
	if (table->by_id)
		return;
	table->by_id = g_hash_table_new(g_int64_hash, g_int64_equal);
	table->by_name = g_hash_table_new(g_str_hash, g_str_equal);
}

/* Called with lock held. */
static int count_of_user(OwnTable *table, uid_t uid)
{
	GHashTableIter iter;
	gpointer own;
	int count = 0;

	g_hash_table_iter_init(&iter, table->by_id);
	while (g_hash_table_iter_next(&iter, NULL, &own))
		count += ((Own *)own)->uid == uid;
	return count;
}

int own_add(OwnTable *table, const char *name, mode_t mode, void *data, Own **out)
{
	Own *own;
	int result = 0;

	if (!*name || strlen(name) > NAME_MAX || strpbrk(name, "/\n"))
		return why_refuse(EINVAL, "a name has 1 to %d bytes, no slash and no newline", NAME_MAX);
	own = g_new0(Own, 1);
	*own = (Own){.refs = 2, .data = data, .uid = geteuid(), .gid = getegid(), .mode = mode, .changed = time(NULL)};
	g_strlcpy(own->name, name, sizeof own->name);
	g_mutex_lock(&lock);
	table_prepare(table);
	if (g_hash_table_contains(table->by_name, name))
		result = -EEXIST;
	else if (own->uid != 0 && count_of_user(table, own->uid) >= table->most_user)
		result = -ENOSPC;
	if (result == 0) {
		own->id = ++last_id;
		g_hash_table_insert(table->by_id, &own->id, own);
		g_hash_table_insert(table->by_name, own->name, own);
		*out = own;
	}
	g_mutex_unlock(&lock);
	if (result < 0)
		g_free(own);
	return result == -ENOSPC ? why_refuse(ENOSPC, "you have %d %s already", table->most_user, table->what) : result;
}

int own_make(OwnTable *table, const char *name, mode_t mode, void *data, Object *out)
{
	Own *own;
	int result = own_add(table, name, mode, data, &own);

	if (result < 0)
		return result;
	*out = (Object){.id = own->id};
	g_strlcpy(out->name, name, sizeof out->name);
	own_unref(table, own);
	return 0;
}

Own *own_get(OwnTable *table, int64_t id)
{
	Own *own = NULL;

	g_mutex_lock(&lock);
	if (table->by_id)
		own = g_hash_table_lookup(table->by_id, &id);
	if (own)
		g_atomic_int_inc(&own->refs);
	g_mutex_unlock(&lock);
	return own;
}

void own_unref(OwnTable *table, Own *own)
{
	bool last;

	if (!own)
		return;
	/* Under the lock: own_get() must not find an object that is about to end. */
	g_mutex_lock(&lock);
	last = g_atomic_int_dec_and_test(&own->refs);
	if (last)
		g_hash_table_remove(table->by_id, &own->id);
	g_mutex_unlock(&lock);
	if (!last)
		return;
	if (table->end)
		table->end(own);
	g_free(own);
}

void own_touch(Own *own)
{
	g_mutex_lock(&lock);
	own->changed = time(NULL);
	g_mutex_unlock(&lock);
}

void own_name(const Own *own, char *out)
{
	g_mutex_lock(&lock);
	g_strlcpy(out, own->name, sizeof own->name);
	g_mutex_unlock(&lock);
}

/* Called with lock held. */
static void fill_stat(const Own *own, ObjectStat *out)
{
	*out = (ObjectStat){
		.uid = own->uid,
		.gid = own->gid,
		.mode = own->mode,
		.atime = own->changed,
		.mtime = own->changed,
		.ctime = own->changed,
	};
}

int own_list(OwnTable *table, MemberSeen seen, void *data)
{
	g_autoptr(GArray) objects = g_array_new(FALSE, TRUE, sizeof(Object));
	g_autoptr(GArray) stats = g_array_new(FALSE, TRUE, sizeof(ObjectStat));
	GHashTableIter iter;
	gpointer value;

	g_mutex_lock(&lock);
	table_prepare(table);
	g_hash_table_iter_init(&iter, table->by_name);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Own *own = value;
		Object object = {.id = own->id};
		ObjectStat stat;

		memcpy(object.name, own->name, sizeof object.name);
		fill_stat(own, &stat);
		g_array_append_val(objects, object);
		g_array_append_val(stats, stat);
	}
	g_mutex_unlock(&lock);
	for (guint i = 0; i < objects->len; i++)
		seen(data, &g_array_index(objects, Object, i), &g_array_index(stats, ObjectStat, i));
	return 0;
}

int own_lookup(OwnTable *table, const char *name, Object *out)
{
	const Own *own;

	g_mutex_lock(&lock);
	table_prepare(table);
	own = g_hash_table_lookup(table->by_name, name);
	if (own) {
		*out = (Object){.id = own->id};
		memcpy(out->name, own->name, sizeof out->name);
	}
	g_mutex_unlock(&lock);
	return own ? 0 : -ENOENT;
}

int own_remove(OwnTable *table, const Object *object)
{
	Own *own = own_get(table, object->id);
	uid_t uid = geteuid();
	int result = 0;

	if (!own)
		return -ENOENT;
	g_mutex_lock(&lock);
	if (!own->name[0])
		result = -ENOENT;
	else if (uid != 0 && uid != own->uid)
		result = -EPERM;
	if (result == 0) {
		g_hash_table_remove(table->by_name, own->name);
		own->name[0] = '\0';
	}
	g_mutex_unlock(&lock);
	if (result == 0)
		own_unref(table, own); /* what the name held */
	own_unref(table, own);
	return result == -EPERM ? why_refuse(EPERM, "only its owner or root may remove it") : result;
}

int own_rename(OwnTable *table, const Object *object, const char *name)
{
	Own *own;
	int result = 0;

	if (!*name || strlen(name) > NAME_MAX || strpbrk(name, "/\n"))
		return why_refuse(EINVAL, "a name has 1 to %d bytes, no slash and no newline", NAME_MAX);
	own = own_get(table, object->id);
	if (!own)
		return -ENOENT;
	g_mutex_lock(&lock);
	if (!own->name[0])
		result = -ENOENT;
	else if (g_hash_table_contains(table->by_name, name))
		result = -EEXIST;
	if (result == 0) {
		g_hash_table_remove(table->by_name, own->name);
		g_strlcpy(own->name, name, sizeof own->name);
		g_hash_table_insert(table->by_name, own->name, own);
		own->changed = time(NULL);
	}
	g_mutex_unlock(&lock);
	own_unref(table, own);
	return result;
}

int own_stat(OwnTable *table, const Object *object, ObjectStat *out)
{
	Own *own = own_get(table, object->id);

	if (!own)
		return -ENOENT;
	g_mutex_lock(&lock);
	fill_stat(own, out);
	g_mutex_unlock(&lock);
	own_unref(table, own);
	return 0;
}

int own_set(OwnTable *table, const Object *object, const ObjectChange *change)
{
	Own *own = own_get(table, object->id);
	uid_t uid = geteuid();
	int result = 0;

	if (!own)
		return -ENOENT;
	g_mutex_lock(&lock);
	if (uid != 0 && (uid != own->uid || (change->set_uid && change->uid != own->uid)))
		result = -EPERM;
	if (result == 0 && change->set_mode)
		own->mode = (own->mode & S_IFMT) | change->mode;
	if (result == 0 && change->set_uid)
		own->uid = change->uid;
	if (result == 0 && change->set_gid)
		own->gid = change->gid;
	if (result == 0)
		own->changed = time(NULL);
	g_mutex_unlock(&lock);
	own_unref(table, own);
	return result;
}

int own_mode_check(uid_t uid, gid_t gid, mode_t mode, const Caller *caller, int rights)
{
	int wanted = rights & (RIGHT_READ | RIGHT_WRITE);
	bool in_group = caller->gid == gid;

	if (caller->uid == 0)
		return 0;
	if ((rights & RIGHT_OWN) && caller->uid != uid)
		return -EPERM;
	for (int i = 0; i < caller->ngroups && !in_group; i++)
		in_group = caller->groups[i] == gid;
	if (caller->uid == uid)
		mode >>= 6;
	else if (in_group)
		mode >>= 3;
	return wanted & ~mode ? -EACCES : 0;
}

int own_permit(OwnTable *table, const Object *object, const Caller *caller, int rights)
{
	ObjectStat stat;
	int result = own_stat(table, object, &stat);

	return result < 0 ? result : own_mode_check(stat.uid, stat.gid, stat.mode, caller, rights);
}
