/* posix/mq: queues in the kernel's mqueue file system: the directory of all queues, and one queue by its name and inode. */
#pragma once

#include <mqueue.h>
#include <sys/stat.h>

#include "backends/common/folder.h"
#include "backends/core/backend.h"

/* The folder of all queues, if posix_mq_directory() is not -1. */
extern const Folder posix_mq_folder;

/* The directory of all queues of the daemon's IPC namespace. The descriptor stays the callee's. -1: no directory is available. */
int posix_mq_directory(void);

typedef char PosixMqName[32];

/* A random name for a queue that exists for an instant. */
void posix_mq_random_name(PosixMqName out);

/* The queue that has the name. 0, -ENOENT, or -EACCES if there is no directory and the queue grants no access. */
int posix_mq_find(const char *name, Object *out);

/* The object with the inode of the queue that it means now (posix_mq_inode()). */
Object posix_mq_current(const Object *object);

/* fstat(2) of the queue. 0, -ENOENT if its name means no queue or another one, or -EACCES as above. */
int posix_mq_stat(const Object *object, struct stat *out);

/*
 * Opens the queue with the rights of this thread and O_NONBLOCK. `access` is O_RDONLY, O_WRONLY or O_RDWR. The caller closes the
 * descriptor. -ENOENT as above. While the queue is being replaced, the descriptor can grant more than `access`.
 */
int posix_mq_open(const Object *object, int access);

/* The same for a queue that has its name in the kernel. -EAGAIN: another process has a lease on the queue (F_SETLEASE). */
int posix_mq_open_named(const Object *object, int access);

/* A descriptor of the queue with this name, for reading or else for writing. -EACCES: this thread may do neither. */
int posix_mq_open_any(const char *name);

/* The values that only a read of the queue's file tells (mq_overview(7)). */
typedef struct PosixMqReport {
	uint64_t qsize;    /* bytes queued */
	bool registered;   /* a process has registered for a notification (mq_notify(3)) */
	int notify, signo; /* sigev_notify and the signal */
	pid_t pid;         /* of that process; 0: the daemon cannot see it */
} PosixMqReport;

/* Reads the report from a descriptor that is open for reading. 0 or a negative errno. */
int posix_mq_report(int mqd, PosixMqReport *out);

/* Whether the queue has lost its name; it exists until its last descriptor is closed. */
bool posix_mq_removed(int mqd);

/*
 * Whether this open file is the only one of the queue, in any process and any namespace, and the queue is empty: 0; -EAGAIN: it is not;
 * -EACCES: the thread is neither the owner nor has CAP_LEASE; -EINVAL: the kernel has no leases on queues (Linux 7.0 and
 * newer). Async-signal-safe.
 */
int posix_mq_check_unused(int mqd);
