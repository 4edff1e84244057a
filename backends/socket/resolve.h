/*
 * Looking up names. getaddrinfo(3) may take long and no signal interrupts it. It runs in a background job (async.h),
 * for which no request has to wait: the caller may give up at any time. Called by bind.c and connect.c.
 */
#pragma once

#include <netdb.h>

#include "backends/socket/address.h"

typedef struct Resolve Resolve;

/*
 * Begins to look up an address for which address_parse() returned -EAGAIN, charged to `uid`. Never sleeps.
 * host_wake(key) is called when it is done. The Resolve belongs to the calling function until resolve_free(). 0, or a
 * negative errno with the reason noted (-ENFILE: this user has too many look-ups in progress).
 */
int resolve_begin(const Network *network, int protocol, const char *text, bool passive, uid_t uid, const int64_t key[4],
		  Resolve **out);

/*
 * -EAGAIN: not yet. 0: the addresses, best first, owned by the Resolve. -ENOENT: no such host; -EINVAL: no such
 * service; -EHOSTUNREACH: no name server answered; or another negative errno. The reason is noted on this thread.
 */
int resolve_result(Resolve *resolve, const Address **addresses, size_t *n);

/* May be called at any time. NULL is allowed. */
void resolve_free(Resolve *resolve);

/* getaddrinfo(3), or the replacement of a test. */
extern int (*resolve_getaddrinfo)(const char *host, const char *port, const struct addrinfo *hints,
				  struct addrinfo **list);
