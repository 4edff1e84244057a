/*
 * The services of fs/ for mechanisms, and the settings of the program. fs/ registers its services with host_register() before
 * it serves requests; until then, and in unit tests without fs/, each service does nothing.
 *
 * Every function may be called from any function of a mechanism, on any thread. The services are set once, before threads start.
 */
#pragma once

#include "backends/core/backend.h"

/* The services of fs/. Each member is described at the function that calls it. */
typedef struct HostOps {
	void (*wake)(const int64_t key[4]);
	bool (*interrupted)(void);
	uint64_t (*inode)(const FileDesc *desc, const Object *object);
	size_t (*transfer_to_reader)(const int64_t key[4], int fd, const char *data, size_t size, size_t whole);
	size_t (*transfer_from_writer)(const int64_t key[4], int fd, char *buf, size_t size, size_t whole);
} HostOps;

/* Sets the services whose members are not NULL. `ops` is copied. */
void host_register(const HostOps *ops);

/*
 * Wakes the requests and polls that wait with WAIT_FD and this key (all four numbers count), to try again: for changes that no
 * descriptor shows, such as the last writer's close. A request whose try returned -EAGAIN just
 * before the call, and which begins to wait just after it, is woken too.
 */
void host_wake(const int64_t key[4]);

/*
 * Whether the caller for whom this thread shows or lists something slow, or makes a call (WAIT_CALL), has been interrupted. The
 * function then returns -EINTR, since even SIGKILL waits for the daemon's answer.
 */
bool host_interrupted(void);

/*
 * The number that a file of this description and object has in stat(2) and in /proc/PID/maps. A mechanism recognises by it
 * the processes that map its memory through the tree. 0: there is no file system.
 */
uint64_t host_inode(const FileDesc *desc, const Object *object);

/*
 * Direct transfer: a stream of bytes with both ends in the tree (StreamOps.other_end) may bypass the kernel's buffer while that
 * is empty and a request waits at the other end. These functions move bytes between the memory of the request under way and
 * that of the first request that waits with WAIT_FD and this key, and answer the waiting request if it is done.
 *
 * `fd` is the buffer's descriptor, for FIONREAD. `whole`: a write of at most this size is moved whole or not at all (PIPE_BUF).
 * Both return the number of bytes moved; 0: no request waits there, or the bytes have to go through the buffer.
 *
 * host_transfer_to_reader is called in write(), host_transfer_from_writer in read().
 */
size_t host_transfer_to_reader(const int64_t key[4], int fd, const char *data, size_t size, size_t whole);
size_t host_transfer_from_writer(const int64_t key[4], int fd, char *buf, size_t size, size_t whole);

/* The settings that mountd passes to the mechanisms when the program starts. */
typedef struct HostSettings {
	const char *names;      /* path of the names file */
	size_t largest;         /* bytes: a write of more than this does not reach a stream in one piece */
	const char *mountpoint; /* an absolute path */
} HostSettings;

/* Keeps a copy of the struct; the strings stay the caller's. Called once, before the mount. */
void host_configure(const HostSettings *settings);
const HostSettings *host_settings(void);
