/*
 * The capacity of pipes, and the limits of all pipes of a user.
 *
 * The kernel charges a pipe to the real uid of the process that makes it, which is the daemon. The daemon therefore applies the
 * limits of pipe(7) to each user itself: pipe-max-size, pipe-user-pages-soft and pipe-user-pages-hard. For root only the limits
 * apply that the kernel applies to the daemon.
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
 * Sets the new pipe `fd` to the capacity that the user would get from pipe(2), and charges it to the user. Returns 0; or -ENFILE
 * with the reason noted and nothing charged: the user's pipes reach pipe-user-pages-hard.
 */
int capacity_charge(Capacity *capacity, int fd, uid_t user);

/* Takes back the charge when the pipe is freed. */
void capacity_release(Capacity *capacity);

/* F_SETPIPE_SZ with the rights of the thread's effective uid. Returns 0, or a negative errno with the reason noted. */
int capacity_set(Capacity *capacity, int64_t bytes);

/* F_GETPIPE_SZ. Returns bytes. */
int64_t capacity_get(const Capacity *capacity);
