/*
 * Registries: see registry.h.
 *
 * Locking: "the registry lock" guards all registries, and the fields of entries that registry.h names. It is held for a few
 * instructions. Only the quota lock is taken while it is held.
 */
#include "backends/common/registry.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backends/core/refusal.h"

static GMutex lock;
static int64_t last_id; /* ids are unique in all registries. Protected by the registry lock. */

/* Called with the registry lock held. */
static void registry_prepare(Registry *registry)
{
	if (registry->by_id)
		return;
	registry->by_id = g_hash_table_new(g_int64_hash, g_int64_equal);
	registry->by_name = g_hash_table_new(g_str_hash, g_str_equal);
}

/* A name with a newline could not be listed line by line. */
static int check_name(const char *name)
{
	if (*name && strlen(name) <= NAME_MAX && !strpbrk(name, "/\n"))
		return 0;
	return refuse(EINVAL, "invalid name: use 1 to %d bytes without a slash or newline", NAME_MAX);
}

int registry_add(Registry *registry, const char *name, mode_t mode, void *data, Entry **out)
{
	int result = check_name(name);
	Entry *entry;

	if (result < 0)
		return result;
	entry = g_new0(Entry, 1);
	*entry = (Entry){
		.refs = 2, .data = data, .uid = geteuid(), .gid = getegid(), .mode = mode, .changed = time(NULL)};
	g_strlcpy(entry->name, name, sizeof entry->name);
	g_mutex_lock(&lock);
	registry_prepare(registry);
	if (g_hash_table_contains(registry->by_name, name))
		result = -EEXIST;
	else
		result = quota_charge(&registry->quota, entry->uid, 1);
	if (result == 0) {
		entry->id = ++last_id;
		g_hash_table_insert(registry->by_id, &entry->id, entry);
		g_hash_table_insert(registry->by_name, entry->name, entry);
		*out = entry;
	}
	g_mutex_unlock(&lock);
	if (result < 0)
		g_free(entry);
	return result;
}

int registry_create(Registry *registry, const char *name, mode_t mode, void *data, Object *out)
{
	Entry *entry;
	int result = registry_add(registry, name, mode, data, &entry);

	if (result < 0)
		return result;
	*out = (Object){.id = entry->id};
	g_strlcpy(out->name, name, sizeof out->name);
	entry_unref(registry, entry);
	return 0;
}

Entry *registry_get(Registry *registry, int64_t id)
{
	Entry *entry = NULL;

	g_mutex_lock(&lock);
	if (registry->by_id)
		entry = g_hash_table_lookup(registry->by_id, &id);
	if (entry)
		g_atomic_int_inc(&entry->refs);
	g_mutex_unlock(&lock);
	return entry;
}

void entry_unref(Registry *registry, Entry *entry)
{
	bool last;

	if (!entry)
		return;
	/* The lock is held so that registry_get() does not find an entry whose last reference is gone. */
	g_mutex_lock(&lock);
	last = g_atomic_int_dec_and_test(&entry->refs);
	if (last) {
		g_hash_table_remove(registry->by_id, &entry->id);
		quota_release(&registry->quota, entry->uid, 1);
	}
	g_mutex_unlock(&lock);
	if (!last)
		return;
	if (registry->end)
		registry->end(entry);
	g_free(entry);
}

void entry_touch(Entry *entry)
{
	g_mutex_lock(&lock);
	entry->changed = time(NULL);
	g_mutex_unlock(&lock);
}

void entry_name(const Entry *entry, char *out)
{
	g_mutex_lock(&lock);
	g_strlcpy(out, entry->name, sizeof entry->name);
	g_mutex_unlock(&lock);
}

/* Called with the registry lock held. */
static void fill_stat(const Entry *entry, ObjectStat *out)
{
	*out = (ObjectStat){
		.uid = entry->uid,
		.gid = entry->gid,
		.mode = entry->mode,
		.atime = entry->changed,
		.mtime = entry->changed,
		.ctime = entry->changed,
	};
}

int registry_list(const void *context, const Object *directory, MemberSeen seen, void *data)
{
	Registry *registry = (Registry *)context;
	g_autoptr(GArray) objects = g_array_new(FALSE, TRUE, sizeof(Object));
	g_autoptr(GArray) stats = g_array_new(FALSE, TRUE, sizeof(ObjectStat));
	GHashTableIter iter;
	gpointer value;

	g_mutex_lock(&lock);
	registry_prepare(registry);
	g_hash_table_iter_init(&iter, registry->by_name);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Entry *entry = value;
		Object object = {.id = entry->id};
		ObjectStat stat;

		memcpy(object.name, entry->name, sizeof object.name);
		fill_stat(entry, &stat);
		g_array_append_val(objects, object);
		g_array_append_val(stats, stat);
	}
	g_mutex_unlock(&lock);
	for (guint i = 0; i < objects->len; i++)
		seen(data, &g_array_index(objects, Object, i), &g_array_index(stats, ObjectStat, i));
	return 0;
}

int registry_lookup(const void *context, const Object *directory, const char *name, Object *out)
{
	Registry *registry = (Registry *)context;
	const Entry *entry;

	g_mutex_lock(&lock);
	registry_prepare(registry);
	entry = g_hash_table_lookup(registry->by_name, name);
	if (entry) {
		*out = (Object){.id = entry->id};
		memcpy(out->name, entry->name, sizeof out->name);
	}
	g_mutex_unlock(&lock);
	return entry ? 0 : -ENOENT;
}

int registry_remove(const void *context, const Object *object)
{
	Registry *registry = (Registry *)context;
	Entry *entry = registry_get(registry, object->id);
	uid_t uid = geteuid();
	int result = 0;

	if (!entry)
		return -ENOENT;
	g_mutex_lock(&lock);
	if (!entry->name[0])
		result = -ENOENT;
	else if (uid != 0 && uid != entry->uid)
		result = -EPERM;
	if (result == 0) {
		g_hash_table_remove(registry->by_name, entry->name);
		entry->name[0] = '\0';
	}
	g_mutex_unlock(&lock);
	if (result == 0)
		entry_unref(registry, entry); /* the reference of the name */
	entry_unref(registry, entry);
	return result == -EPERM ? refuse(EPERM, "only the owner or root may remove it: remove it as that user") :
				  result;
}

int registry_rename(const void *context, const Object *object, const char *name)
{
	Registry *registry = (Registry *)context;
	int result = check_name(name);
	Entry *entry;

	if (result < 0)
		return result;
	entry = registry_get(registry, object->id);
	if (!entry)
		return -ENOENT;
	g_mutex_lock(&lock);
	if (!entry->name[0])
		result = -ENOENT;
	else if (g_hash_table_contains(registry->by_name, name))
		result = -EEXIST;
	if (result == 0) {
		g_hash_table_remove(registry->by_name, entry->name);
		g_strlcpy(entry->name, name, sizeof entry->name);
		g_hash_table_insert(registry->by_name, entry->name, entry);
		entry->changed = time(NULL);
	}
	g_mutex_unlock(&lock);
	entry_unref(registry, entry);
	return result;
}

int registry_stat(const void *context, const Object *object, ObjectStat *out)
{
	Registry *registry = (Registry *)context;
	Entry *entry = registry_get(registry, object->id);

	if (!entry)
		return -ENOENT;
	g_mutex_lock(&lock);
	fill_stat(entry, out);
	g_mutex_unlock(&lock);
	entry_unref(registry, entry);
	return 0;
}

int registry_set(const void *context, const Object *object, const ObjectChange *change)
{
	Registry *registry = (Registry *)context;
	Entry *entry = registry_get(registry, object->id);
	uid_t uid = geteuid();
	int result = 0;

	if (!entry)
		return -ENOENT;
	g_mutex_lock(&lock);
	if (uid != 0 && (uid != entry->uid || (change->set_uid && change->uid != entry->uid)))
		result = -EPERM;
	if (result == 0 && change->set_mode)
		entry->mode = (entry->mode & S_IFMT) | change->mode;
	if (result == 0 && change->set_uid) {
		/* Only root changes an owner, so the new owner is charged even beyond the limit. */
		quota_release(&registry->quota, entry->uid, 1);
		quota_try(&registry->quota, change->uid, 1, INT64_MAX);
		entry->uid = change->uid;
	}
	if (result == 0 && change->set_gid)
		entry->gid = change->gid;
	if (result == 0)
		entry->changed = time(NULL);
	g_mutex_unlock(&lock);
	entry_unref(registry, entry);
	return result;
}

int registry_check_mode(uid_t uid, gid_t gid, mode_t mode, const Caller *caller, int rights)
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

int registry_permit(const void *context, const Object *object, const Caller *caller, int rights)
{
	Registry *registry = (Registry *)context;
	ObjectStat stat;
	int result = registry_stat(registry, object, &stat);

	return result < 0 ? result : registry_check_mode(stat.uid, stat.gid, stat.mode, caller, rights);
}
