/*
 * Objects that are files of a folder: POSIX shared memory and named semaphores (those of /dev/shm), POSIX message queues (those
 * of an mqueue mount).
 *
 * An object is known by its name and its inode number, so that one made anew under the name is another object. The folder is
 * everybody's: what stands under a name may be a link, a device, or another file a moment later. So nothing is followed, only
 * regular files count, and a file is acted on only if it is the one that was looked up.
 */
#pragma once

#include "backends/core/backend.h"

typedef struct Folder {
	int (*open)(void);   /* a descriptor of it (O_PATH will do), which the caller closes; or a negative errno */
	const char *prefix;  /* what a file's name has before the object's; "" */
	const char *foreign; /* names that begin with this are not its; NULL: there are none */
	const char *refusal; /* what is said to who wants to give one of these */
} Folder;

/* Folder.open of /dev/shm, where glibc keeps what POSIX names. Opened anew each time: it may be mounted over. */
int folder_dev_shm(void);

/* The object's file, opened (never waits; not closed on fork but on exec), or a negative errno. */
int folder_open(const Folder *folder, const Object *object, int flags);

/* Whether a new object may have this name: 0, or a negative errno with the reason noted. */
int folder_check_name(const Folder *folder, const char *name);

/* The name of an object's file. */
typedef char FolderFile[NAME_MAX + 1];
void folder_file(const Folder *folder, const char *name, FolderFile out);

/* The object that this file, just made, is. */
void folder_object(const char *name, const struct stat *stat, Object *out);

/* fstatat(2) of an object's file: 0, or -ENOENT where the name stands for another one now, or another negative errno. */
int folder_stat_file(const Folder *folder, const Object *object, struct stat *out);

/* For a mechanism's DirOps. */
int folder_list(const void *context, const Object *directory, MemberSeen seen, void *data);
int folder_lookup(const void *context, const Object *directory, const char *name, Object *out);
int folder_remove(const void *context, const Object *object);
int folder_rename(const void *context, const Object *object, const char *name);
int folder_stat(const void *context, const Object *object, ObjectStat *out);
int folder_set(const void *context, const Object *object, const ObjectChange *change);
int folder_permit(const void *context, const Object *object, const Caller *caller, int rights);
