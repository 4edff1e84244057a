/*
 * Registries: objects that have no name in the kernel, so that the daemon keeps their names, owners and modes. pipe/, fifo/,
 * socket/ and signal/inbox/ each have a registry. The objects end with the daemon at the latest.
 *
 * Ownership: the name of an entry has a reference, and so has each caller of registry_get(). Removing an entry removes its name.
 * The entry ends when the last reference is dropped.
 *
 * All functions take the registry lock themselves, and may be called on any thread.
 */
#pragma once

#include "backends/core/backend.h"
#include "backends/core/quota.h"

typedef struct Entry {
	int64_t id; /* never reused */
	int refs;   /* atomic */
	void *data; /* owned by the mechanism; see Registry.end */

	/* Protected by the registry lock: use registry_stat() and similar functions. */
	char name[NAME_MAX + 1]; /* empty after removal */
	uid_t uid;
	gid_t gid;
	mode_t mode;
	time_t changed;
} Entry;

typedef struct Registry {
	Quota quota;               /* the number of entries; each is charged to its owner */
	void (*end)(Entry *entry); /* frees entry->data after the last reference was dropped; may be NULL */
	GHashTable *by_id;         /* Protected by the registry lock, as `by_name`. */
	GHashTable *by_name;
} Registry;

/*
 * Adds an entry that the thread's effective ids own. Returns 0 and a reference in *out; or -EEXIST, -EINVAL (invalid name), or
 * the error of the quota. Takes ownership of `data` on success only.
 */
int registry_add(Registry *registry, const char *name, mode_t mode, void *data, Entry **out);

/* The same for DirOps.create and DirOps.node: fills the Object, and keeps only the reference of the name. */
int registry_create(Registry *registry, const char *name, mode_t mode, void *data, Object *out);

/* Returns a reference to the entry with this id, removed or not; NULL: it has ended. NULL is allowed for entry_unref(). */
Entry *registry_get(Registry *registry, int64_t id);
void entry_unref(Registry *registry, Entry *entry);

/* Sets the time of the last change to now. */
void entry_touch(Entry *entry);

/* Copies the name to `out` (NAME_MAX + 1 bytes); "" if the entry was removed. */
void entry_name(const Entry *entry, char *out);

/*
 * For DirOps, with the Registry as DirOps.context. The size in *out is 0. registry_remove() removes the name; the entry stays for
 * its other references.
 */
int registry_list(const void *context, const Object *directory, MemberSeen seen, void *data);
int registry_lookup(const void *context, const Object *directory, const char *name, Object *out);
int registry_remove(const void *context, const Object *object);
int registry_rename(const void *context, const Object *object, const char *name);
int registry_stat(const void *context, const Object *object, ObjectStat *out);
int registry_set(const void *context, const Object *object, const ObjectChange *change);
int registry_permit(const void *context, const Object *object, const Caller *caller, int rights);

/*
 * Checks rights as the kernel does for a file with this owner and mode. Returns 0, -EACCES, or -EPERM if RIGHT_OWN is missing.
 */
int registry_check_mode(uid_t uid, gid_t gid, mode_t mode, const Caller *caller, int rights);
