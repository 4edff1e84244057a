/*
 * System V IPC: the code that message queues, semaphore sets and shared-memory segments have in common.
 *
 * A SysvType describes one of the three. The DirOps functions below serve the three directories sysv/msg, sysv/sem and sysv/shm;
 * each DirOps table has its SysvType as context. They cover keys, ids, names, listing, owner, mode and permissions. No function
 * here holds a lock, and all state is the kernel's, apart from the names (names.h).
 */
#pragma once

#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include "backends/core/backend.h"

/* An object as IPC_STAT describes it. */
typedef struct SysvStat {
	int id;
	union {
		struct ipc_perm perm; /* the first member of each of the others */
		struct msqid_ds msg;
		struct semid_ds sem;
		struct shmid_ds shm;
	};
} SysvStat;

typedef struct SysvType {
	const char *word;                                    /* "msg", "sem", "shm": in the names file */
	const char *limit;                                   /* the file in limits/ that bounds the number of objects */
	int (*get)(key_t key, int flags);                    /* msgget and its like: an id, or -1 and errno */
	int (*control)(int id, int command, void *argument); /* msgctl and its like: as the native call */
	int stat_any;                                        /* MSG_STAT_ANY and its like */
	int info;                                            /* MSG_INFO and its like */
	void (*fill)(const SysvStat *stat, ObjectStat *out); /* sets size and times */
	int (*id)(const Object *object);                     /* the object's present id; NULL: Object.id */
} SysvType;

/* DirOps functions for the directory of all objects of a type. `context` is the SysvType, Object.id the kernel's id. */
int sysv_list(const void *context, const Object *directory, MemberSeen seen, void *data);
int sysv_lookup(const void *context, const Object *directory, const char *name, Object *out);
int sysv_create(const void *context, const Object *directory, const char *name, mode_t mode, Object *out);
int sysv_remove(const void *context, const Object *object);
int sysv_rename(const void *context, const Object *object, const char *name);
int sysv_stat(const void *context, const Object *object, ObjectStat *out);
int sysv_set(const void *context, const Object *object, const ObjectChange *change);
int sysv_permit(const void *context, const Object *object, const Caller *caller, int rights);

/*
 * IPC_STAT with the daemon's rights. Where an object's mode denies that to a daemon that is not root, the object is found by its
 * index. Returns 0, -EIDRM once the object is removed, or another negative errno.
 */
int sysv_load(const SysvType *type, const Object *object, SysvStat *out);
int sysv_load_id(const SysvType *type, int id, SysvStat *out);

/* The same by index, for each index from 0 to sysv_highest(), which is -1 if there is no object. */
int sysv_load_index(const SysvType *type, int index, SysvStat *out);
int sysv_highest(const SysvType *type);

/*
 * A negative errno for a call on an object that existed earlier. An id contains a sequence number, so EINVAL means that the
 * object was removed and its slot is free (msgctl(2)): -EIDRM.
 */
int sysv_removed(int error);

/*
 * The kernel's ipcperms() and ipcctl_obtain_check() (ipc/util.c), for a caller whose ids are known. The owner's bits apply if the
 * uid is the owner's or the creator's; else the group's bits, if one of the groups is the owner's or the creator's; else the
 * others' bits. Root has every right. Returns 0, -EACCES or (RIGHT_OWN) -EPERM.
 */
int sysv_perm_check(const struct ipc_perm *perm, const Caller *caller, int rights);

/* The key that a name gets unless the key is in use: 32-bit FNV-1a of its bytes, 1 where that is 0. Never 0 (IPC_PRIVATE). */
uint32_t sysv_key_of_name(const char *name);

/*
 * The first rows of a table of attributes (common/attributes.h) whose snapshot begins with a SysvStat: key and id, and the lines
 * of status that are no files.
 */
#define SYSV_ATTRIBUTES                                                            \
	{"key", NULL, sysv_print_key, offsetof(SysvStat, perm.__key)},             \
		{"id", NULL, attribute_print_int, offsetof(SysvStat, id)},         \
		{"uid", NULL, attribute_print_id, offsetof(SysvStat, perm.uid)},   \
		{"gid", NULL, attribute_print_id, offsetof(SysvStat, perm.gid)},   \
		{"cuid", NULL, attribute_print_id, offsetof(SysvStat, perm.cuid)}, \
		{"cgid", NULL, attribute_print_id, offsetof(SysvStat, perm.cgid)}, \
	{                                                                          \
		"mode", NULL, sysv_print_mode, offsetof(SysvStat, perm.mode)       \
	}

void sysv_print_key(const void *value, GString *out);  /* key_t: 0x and eight hexadecimal digits */
void sysv_print_mode(const void *value, GString *out); /* permission bits only: four octal digits */
