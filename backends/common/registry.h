/*
 * Objects of our own: what has no name in the kernel, so that the name, owner and mode are kept here: pipes, FIFOs, inboxes,
 * conversations. They last as long as the daemon, or as their last user.
 *
 * Ownership: a name in the table holds its object, and so does everybody who has it from own_get(). An object that was
 * removed has lost its name; it ends when the last one lets go.
 */
#pragma once

#include "backends/core/backend.h"

typedef struct Own {
	int64_t id; /* never used again */
	int refs;   /* atomic */
	void *data; /* the mechanism's */

	/* Protected by the own lock: use own_stat() and its like. */
	char name[NAME_MAX + 1]; /* empty once removed */
	uid_t uid;
	gid_t gid;
	mode_t mode;
	time_t changed;
} Own;

typedef struct OwnTable {
	const char *what;      /* "pipes": for the words of a refusal */
	void (*end)(Own *own); /* frees own->data, when nobody holds the object any more */
	int most_user;         /* how many one user may have; root: no limit */
	GHashTable *by_id;     /* Protected by the own lock, as below. */
	GHashTable *by_name;
} OwnTable;

/*
 * A new object with this name, owned by the thread's effective ids. 0, the caller holds it; -EEXIST, -ENOSPC (too many), or
 * -EINVAL for a name that cannot be listed. `data` is the object's on success only.
 */
int own_add(OwnTable *table, const char *name, mode_t mode, void *data, Own **out);

/* The same for a mechanism's create or node: says what object it is, and holds it by its name only. */
int own_make(OwnTable *table, const char *name, mode_t mode, void *data, Object *out);

/* The object with this id, held; NULL once it has ended. */
Own *own_get(OwnTable *table, int64_t id);
void own_unref(OwnTable *table, Own *own);

/* Now is when it was last changed. */
void own_touch(Own *own);

/* Its name, "" once it was removed, to `out` (NAME_MAX + 1 bytes). */
void own_name(const Own *own, char *out);

/* For a mechanism's Members; `stat->size` is 0. own_remove leaves what holds the object as it is. */
int own_list(OwnTable *table, MemberSeen seen, void *data);
int own_lookup(OwnTable *table, const char *name, Object *out);
int own_remove(OwnTable *table, const Object *object);
int own_rename(OwnTable *table, const Object *object, const char *name);
int own_stat(OwnTable *table, const Object *object, ObjectStat *out);
int own_set(OwnTable *table, const Object *object, const ObjectChange *change);
int own_permit(OwnTable *table, const Object *object, const Caller *caller, int rights);

/* The verdict that the kernel gives for a file of this owner and mode: 0, -EACCES, or -EPERM where RIGHT_OWN is missing. */
int own_mode_check(uid_t uid, gid_t gid, mode_t mode, const Caller *caller, int rights);

/*
 * All of these but remove and stat, which have more to do, as functions `prefix`_list and so on of `table`, an OwnTable of the
 * same file: Members carry no argument.
 */
#define OWN_MEMBERS(prefix, table)                                                         \
	static int prefix##_list(const Object *at, MemberSeen seen, void *arg)             \
	{                                                                                  \
		(void)at;                                                                  \
		return own_list(&(table), seen, arg);                                      \
	}                                                                                  \
	static int prefix##_lookup(const Object *at, const char *name, Object *out)        \
	{                                                                                  \
		(void)at;                                                                  \
		return own_lookup(&(table), name, out);                                    \
	}                                                                                  \
	static int prefix##_rename(const Object *object, const char *name)                 \
	{                                                                                  \
		return own_rename(&(table), object, name);                                 \
	}                                                                                  \
	static int prefix##_set(const Object *object, const ObjectChange *change)          \
	{                                                                                  \
		return own_set(&(table), object, change);                                  \
	}                                                                                  \
	static int prefix##_permit(const Object *object, const Caller *caller, int rights) \
	{                                                                                  \
		return own_permit(&(table), object, caller, rights);                       \
	}                                                                                  \
	_Static_assert(true, "a semicolon follows")
