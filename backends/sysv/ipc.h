/*
 * What the three kinds of System V object share: keys, ids and names, their listing, owners and modes, permissions. A
 * mechanism supplies its few system calls as a SysvType.
 */
#pragma once

#include <sys/ipc.h>

#include "backends/core/backend.h"

typedef struct SysvStat {
	int id;
	struct ipc_perm perm;
	ObjectStat stat;
} SysvStat;

typedef struct SysvType {
	const char *word;                            /* "msg", "sem", "shm": in the names file */
	const char *limit;                           /* the file in limits/ that bounds their number */
	int (*get)(key_t key, int flags);            /* msgget and its like: an id, or -1 and errno */
	int (*stat)(int id, SysvStat *out);          /* IPC_STAT: 0, or a negative errno */
	int (*stat_at)(int index, SysvStat *out);    /* MSG_STAT_ANY: likewise, by index, without a right to read */
	int (*highest)(void);                        /* the highest index in use, -1 if none */
	int (*remove)(int id);                       /* IPC_RMID: 0, or -1 and errno */
	int (*set)(int id, const struct ipc_perm *); /* IPC_SET of owner and mode: 0, or a negative errno */
} SysvType;

/* The members of a directory of such objects: see DirOps. The Object's id is the kernel's. */
int sysv_list(const void *context, const Object *directory, MemberSeen seen, void *data);
int sysv_lookup(const void *context, const Object *directory, const char *name, Object *out);
int sysv_create(const void *context, const Object *directory, const char *name, mode_t mode, Object *out);
int sysv_remove(const void *context, const Object *object);
int sysv_rename(const void *context, const Object *object, const char *name);
int sysv_stat(const void *context, const Object *object, ObjectStat *out);
int sysv_set(const void *context, const Object *object, const ObjectChange *change);
int sysv_permit(const void *context, const Object *object, const Caller *caller, int rights);

/*
 * The kernel's ipcperms() and ipcctl_obtain_check() (ipc/util.c), for a caller whose ids we know: the owner's bits where
 * the uid is the owner's or the creator's, else the group's where one of the groups is the owner's or the creator's, else
 * the others'. Root has every right. Returns 0, -EACCES or (RIGHT_OWN) -EPERM.
 */
int sysv_perm_check(const struct ipc_perm *perm, const Caller *caller, int rights);

/* The key that a name gets unless it is in use: 32-bit FNV-1a of its bytes, 1 where that is 0. Never 0 (IPC_PRIVATE). */
uint32_t sysv_key_of_name(const char *name);

/* SysvStat of an object, by IPC_STAT, or where its mode keeps a daemon that is not root out, by its index. */
int sysv_stat_any(const SysvType *type, int id, SysvStat *out);

/* Fills out->stat's owner and mode from out->perm. */
void sysv_stat_owner(SysvStat *out);

/* Prints the lines of status that every System V object has: Key, Id, Uid, Gid, Cuid, Cgid, Mode. */
void sysv_print_status(const SysvStat *stat, GString *out);
