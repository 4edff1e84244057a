/*
 * Objects that are files of a folder: POSIX shared memory and named semaphores are files of /dev/shm, POSIX message queues files of
 * an mqueue mount.
 *
 * An object is identified by its name and its inode number: a file that is created again under the name is another object.
 * Every user can create files in the folder. A name can therefore mean a symbolic link, a device, or another file a moment later. The
 * functions follow no links, accept regular files only, and act on a file only if it has the inode that was looked up.
 *
 * The functions run with the credentials of the thread, and hold no lock. None waits for another process.
 */
#pragma once

#include "backends/core/backend.h"

typedef struct Folder {
	int (*open)(void); /* a descriptor of the folder (O_PATH is enough), closed by the caller; or a negative errno */
	const char *prefix;  /* the name of a file is this and the name of the object; "" */
	const char *foreign; /* names that begin with this do not belong to the mechanism; NULL: all names do */
	const char *refusal; /* the reason for refusing such a name */
} Folder;

/* Folder.open of /dev/shm, the folder of glibc for POSIX shared memory and named semaphores. Opens it at each call, since
 * another file system can be mounted there at any time. */
int folder_dev_shm(void);

/* Opens the object's file with O_NONBLOCK and O_CLOEXEC. Returns the descriptor or a negative errno. */
int folder_open(const Folder *folder, const Object *object, int flags);

/* Whether a new object may have this name: 0, or a negative errno with the reason noted. */
int folder_check_name(const Folder *folder, const char *name);

/* The name of an object's file. */
typedef char FolderFile[NAME_MAX + 1];
void folder_file(const Folder *folder, const char *name, FolderFile out);

/* Fills *out with the object of the file with these attributes. */
void folder_object(const char *name, const struct stat *stat, Object *out);

/* fstatat(2) of the object's file: 0, -ENOENT if the name now means another file, or another negative errno. */
int folder_stat_file(const Folder *folder, const Object *object, struct stat *out);

/* Members of DirOps, for a `context` that is a Folder. */
int folder_list(const void *context, const Object *directory, MemberSeen seen, void *data);
int folder_lookup(const void *context, const Object *directory, const char *name, Object *out);
int folder_remove(const void *context, const Object *object);
int folder_rename(const void *context, const Object *object, const char *name);
int folder_stat(const void *context, const Object *object, ObjectStat *out);
int folder_set(const void *context, const Object *object, const ObjectChange *change);
int folder_permit(const void *context, const Object *object, const Caller *caller, int rights);
