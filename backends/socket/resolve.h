/*
 * Looking names up. getaddrinfo(3) takes as long as it likes and no signal ends it, so it runs on a thread of its own, which
 * nobody has to wait for: who asked may go at any time.
 */
#pragma once

#include <netdb.h>

#include "backends/socket/address.h"

typedef struct Resolve Resolve;

/*
 * Begins to look up an address that address_parse() has answered -EAGAIN for, on behalf of `uid`; never sleeps. When it is
 * done, host_wake(key) is called. The Resolve is the caller's until resolve_free(). 0, or a negative errno (-ENFILE: too
 * many of this user's are under way), the reason noted.
 */
int resolve_begin(const Network *network, int protocol, const char *text, bool passive, uid_t uid, const int64_t key[4],
		  Resolve **out);

/*
 * -EAGAIN: not yet. 0: what was found, best first, owned by the Resolve. -ENOENT: there is no such host; -EINVAL: no such
 * service; -EHOSTUNREACH: nobody could say; or another negative errno; the reason is noted on this thread.
 */
int resolve_result(Resolve *resolve, const Address **addresses, size_t *n);

/* At any time; NULL is fine. */
void resolve_free(Resolve *resolve);

/* getaddrinfo(3), or what a test has instead. */
extern int (*resolve_getaddrinfo)(const char *host, const char *port, const struct addrinfo *hints,
				  struct addrinfo **found);
