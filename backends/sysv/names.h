/*
 * Names of System V objects. The kernel knows only keys and ids. The names are kept in a small text file, with one line for each:
 *
 *	msg 0x0000162e jobs		the object with this key
 *	shm id-32769 frame		an object that was made with IPC_PRIVATE, by its id
 *
 * A later line for an object replaces an earlier one, and a line without a name drops the name. Changes are appended. A file that
 * has become too long is replaced by a new one.
 *
 * Several daemons may share the file. Each reads it again when it has changed, and changes it under a lock file beside it. The
 * functions do not know whether an object exists; the caller checks that.
 *
 * ipc.c calls the functions, on any thread and with no lock held but sysv_shm_key_lock. They may block on the file system.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The object of a name: its key, or its id if the key is 0. A `type` is "msg", "sem" or "shm". */
typedef struct Named {
	uint32_t key;
	int id;
} Named;

/* Sets the path of the file. Adding the first name makes its directory. */
void names_start(const char *path);

/* Whether `name` is a valid name: not empty, no newline or slash, and not the beginning of a key or an id (0x…, id-…). */
bool names_valid(const char *name);

/* Finds the object of a name. Returns whether there is one. */
bool names_lookup(const char *type, const char *name, Named *out);

/* Finds the name of an object. Returns whether it has one. `name` has room for NAME_MAX + 1 bytes. */
bool names_of(const char *type, Named object, char *name);

/*
 * Gives the object this name, in place of the one that it has. Returns 0; -EEXIST if another object has the name; or a negative
 * errno from writing the file, and nothing has changed. Writes with the daemon's credentials.
 */
int names_add(const char *type, const char *name, Named object);

/*
 * Drops the names of this type for whose object `exists` returns false, if there are many names. Without this, the name of an
 * object that a native program removed would stay for ever.
 */
void names_prune(const char *type, bool (*exists)(const void *data, Named object), const void *data);

/* Drops the object's name, if it has one. Returns 0 or a negative errno, as names_add(). */
int names_drop(const char *type, Named object);
