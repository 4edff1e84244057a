/*
 * The capacity of pipes, and what the pipes of each user may hold together.
 *
 * The kernel charges a pipe to the real uid of the process that makes it, which is the daemon. So the limits of pipe(7),
 * pipe-max-size, pipe-user-pages-soft and pipe-user-pages-hard, are kept here for each user as the kernel keeps them. Root is
 * bound only by what the kernel refuses to the daemon.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* The capacity of one pipe, and the user to whom it is charged. */
typedef struct Capacity {
	int fd; /* the pipe's end for writing */
	uid_t user;
	int64_t bytes; /* charged. Protected by the capacity lock */
} Capacity;

/*
 * Sets the new pipe `fd` to the capacity that its maker would get from pipe(2), and charges it to the user. 0, or -ENFILE with the
 * reason noted and nothing charged: the user's pipes hold all that pipe-user-pages-hard allows.
 */
int capacity_charge(Capacity *capacity, int fd, uid_t user);

/* Takes the charge back when the pipe ends. */
void capacity_release(Capacity *capacity);

/* F_SETPIPE_SZ, with the rights of the thread's effective uid. 0 or a negative errno with the reason noted. */
int capacity_set(Capacity *capacity, int64_t bytes);

/* F_GETPIPE_SZ: bytes. */
int64_t capacity_get(const Capacity *capacity);
