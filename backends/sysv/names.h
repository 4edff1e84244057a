/*
 * Names of System V objects. The kernel knows a key and an id; a name is remembered here, in a small text file, a line each:
 *
 *	msg 0x0000162e jobs		the object with this key
 *	shm id-32769 frame		an object made with IPC_PRIVATE: this id
 *
 * A later line for an object replaces an earlier one, and one without a name drops it: changes are appended, and the file is
 * written anew once it has become too long.
 *
 * Several daemons may share the file: it is read again when it has changed, and changed under a lock file beside it.
 * Whether the object still exists is the caller's to ask.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What a name stands for: the key, or the id of an object without one (key 0). `type` is "msg", "sem" or "shm". */
typedef struct Named {
	uint32_t key;
	int id;
} Named;

/* Where the file is; its directory is made when the first name is. */
void names_start(const char *path);

/* Whether `name` may be one: not empty, no newline or slash, and nothing that reads as a key or an id (0x…, id-…). */
bool names_valid(const char *name);

/* What `name` stands for. */
bool names_lookup(const char *type, const char *name, Named *out);

/* The name of an object, which has NAME_MAX + 1 bytes. */
bool names_of(const char *type, Named object, char *name);

/*
 * Gives the object this name; any other name of it is dropped. -EEXIST if another object has the name (see names_drop);
 * else a negative errno from writing the file, and nothing has changed. The thread's identity does not matter.
 */
int names_add(const char *type, const char *name, Named object);

/*
 * Drops the names of this type whose object is gone, as `alive` says, once there are many of them: a name outlives an object
 * that was removed natively, and nothing but this would ever end it.
 */
void names_prune(const char *type, bool (*alive)(const void *data, Named object), const void *data);

/* Drops the object's name, if it has one. */
int names_drop(const char *type, Named object);
