/*
 * The values in options/ of a conversation. A value is set on the conversation's socket, or tried on a new socket, so
 * that the kernel checks it for the caller. It is kept for the sockets that the conversation has later.
 */
#pragma once

#include <net/if.h>

#include "backends/socket/option.h"

/* The values set so far. All zero: none. Protected by the options lock. */
typedef struct Options {
	unsigned changes; /* number of changes */
	struct {
		bool set;
		int number;
	} values[OPTIONS];
	char device[IFNAMSIZ], outgoing[IFNAMSIZ]; /* bindtodevice, multicast_if */
	GPtrArray *groups;                         /* the multicast groups joined, as written; NULL: none */
} Options;

void options_clear(Options *options);

/* Keeps a value that has been set. 0, or -ENOBUFS: too many groups. */
int options_remember(Options *options, const Option *option, const OptionValue *value);

/* A copy for the calling function, which clears it. */
Options options_copy(Options *options);

/*
 * Sets all values of a copy on a socket, with the thread's credentials. 0, or the error of the first value that fails,
 * the reason noted.
 */
int options_set(const Options *copy, int fd, int family);

/*
 * Sets all values on a new socket, with the daemon's rights: the right was checked when the option was set. 0, or the
 * error of the first value that can no longer be set, the reason noted. *changes is the number of changes that the
 * socket has.
 */
int options_apply(Options *options, const Socket *socket, unsigned *changes);

/* Whether a value was set since. */
bool options_changed(Options *options, unsigned changes);

/* The backlog for listen(2): how many connections may wait to be accepted. */
int options_backlog(Options *options);

/* Whether v6only was set, to 0 or 1. */
bool options_v6only(Options *options);
