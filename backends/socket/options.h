/*
 * options/ of a conversation: what setsockopt(2) sets, a file each. A value is set on the socket that is there, or
 * tried on one made for that, so that the verdict is the kernel's for whoever sets it; and it is remembered for the
 * sockets to come.
 */
#pragma once

#include <net/if.h>

#include "backends/socket/option.h"

/* What has been set so far. All zero: nothing. Protected by the options lock. */
typedef struct Options {
	unsigned changes; /* how often */
	struct {
		bool set;
		int number;
	} values[OPTIONS];
	char device[IFNAMSIZ], outgoing[IFNAMSIZ]; /* bindtodevice, multicast_if */
	GPtrArray *groups;                         /* multicast groups joined, as they were written; NULL: none */
} Options;

void options_clear(Options *options);

/* Notes a value that has been set.  0, or -ENOBUFS: too many groups. */
int options_remember(Options *options, const Option *option, const OptionValue *value);

/* A copy, which the caller clears. */
Options options_copy(Options *options);

/* Sets a copy on a socket. */
int options_set(const Options *copy, int fd, int family);

/*
 * Sets all of it on a new socket, with the daemon's rights: who set an option has been found to have the right. 0, or
 * the errno of the first that cannot be set any more, the reason noted. *changes says which state this was.
 */
int options_apply(Options *options, const Socket *socket, unsigned *changes);

/* Whether something was set since. */
bool options_changed(Options *options, unsigned changes);

/* How many connections may wait to be accepted, for listen(2). */
int options_backlog(Options *options);

/* Whether v6only was set, to whatever. */
bool options_v6only(Options *options);
