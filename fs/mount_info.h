/*
 * Which mount is on a path. mountd/mountpoint.c asks before it mounts; session.c asks again before it unmounts. The
 * answer comes from /proc alone: no request goes to the server of the mount, which may be dead or may be this process.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

typedef struct MountInfo {
	char *path;   /* absolute, without symbolic links */
	dev_t device; /* of the file system: no other has it while this one exists */
	char *type; /* as in /proc/self/mounts: fuse.ipcfs; NULL for a mount that is not listed, as that of / in a chroot */
	bool root; /* the path is a mountpoint, and not a file below one */
} MountInfo;

/* Fills *out for an open file, O_PATH included. Returns false without /proc. mount_info_clear() frees what *out holds. */
bool mount_info_read(int fd, MountInfo *out);
void mount_info_clear(MountInfo *info);
