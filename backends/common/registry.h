/*
 * Objects of our own: what has no name in the kernel, so that the name, owner and mode are kept here: pipes, FIFOs, inboxes,
 * conversations. They last as long as the daemon, or as their last user.
 *
 * Ownership: a name in the table holds its object, and so does everybody who has it from registry_get(). An object that was
 * removed has lost its name; it ends when the last one lets go.
 */
#pragma once

#include "backends/core/backend.h"
#include "backends/core/quota.h"

typedef struct Entry {
	int64_t id; /* never used again */
	int refs;   /* atomic */
	void *data; /* the mechanism's */

	/* Protected by the own lock: use registry_stat() and its like. */
	char name[NAME_MAX + 1]; /* empty once removed */
	uid_t uid;
	gid_t gid;
	mode_t mode;
	time_t changed;
} Entry;

typedef struct Registry {
	Quota quota;               /* the number of objects; an object is charged to its owner */
	void (*end)(Entry *entry); /* frees own->data, when nobody holds the object any more */
	GHashTable *by_id;         /* Protected by the own lock, as below. */
	GHashTable *by_name;
} Registry;

/*
 * A new object with this name, owned by the thread's effective ids. 0, the caller holds it; -EEXIST, -ENOSPC (too many), or
 * -EINVAL for a name that cannot be listed. `data` is the object's on success only.
 */
int registry_add(Registry *table, const char *name, mode_t mode, void *data, Entry **out);

/* The same for a mechanism's create or node: says what object it is, and holds it by its name only. */
int registry_create(Registry *table, const char *name, mode_t mode, void *data, Object *out);

/* The object with this id, held; NULL once it has ended. */
Entry *registry_get(Registry *table, int64_t id);
void entry_unref(Registry *table, Entry *entry);

/* Now is when it was last changed. */
void entry_touch(Entry *entry);

/* Its name, "" once it was removed, to `out` (NAME_MAX + 1 bytes). */
void entry_name(const Entry *entry, char *out);

/* For a mechanism's DirOps; `stat->size` is 0. registry_remove leaves what holds the object as it is. */
int registry_list(const void *context, const Object *directory, MemberSeen seen, void *data);
int registry_lookup(const void *context, const Object *directory, const char *name, Object *out);
int registry_remove(const void *context, const Object *object);
int registry_rename(const void *context, const Object *object, const char *name);
int registry_stat(const void *context, const Object *object, ObjectStat *out);
int registry_set(const void *context, const Object *object, const ObjectChange *change);
int registry_permit(const void *context, const Object *object, const Caller *caller, int rights);

/* The verdict that the kernel gives for a file of this owner and mode: 0, -EACCES, or -EPERM where RIGHT_OWN is missing. */
int registry_check_mode(uid_t uid, gid_t gid, mode_t mode, const Caller *caller, int rights);
