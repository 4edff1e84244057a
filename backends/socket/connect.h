/*
 * Connecting: a look-up, where the address needs one, and then one address after the other until one answers. Made for the
 * open of dial/ADDRESS and the `connect` of a conversation.
 */
#pragma once

#include "backends/socket/socket.h"

typedef struct Connecting Connecting;

/*
 * Begins to connect to `text` as `caller` (copied with its groups), who waits for this call to return; nothing is done yet but
 * the address read. `bound`: a socket that is there already (held by the Connecting), or NULL. `prepare` (may be NULL) is
 * called on each socket made, as the caller, before it connects. 0, or a negative errno with the reason noted. The Connecting
 * is the caller's.
 */
int connecting_begin(const Network *network, int protocol, const char *text, const Caller *caller, Socket *bound,
		     int (*prepare)(Socket *socket, void *data), void *data, Connecting **out);

/*
 * Goes on with it, never sleeps: 0 with the socket, held for the caller; -EAGAIN: not yet; or the errno that the best of its
 * addresses has met, the reason noted. Not to be called again after that. Not for two threads at once, nor is connecting_wait().
 */
int connecting_try(Connecting *connecting, Socket **out);

/* How to wait for it: always WAIT_FD, but from try to try for something else. */
void connecting_wait(Connecting *connecting, Wait *out);

/* Whether more than one answer is to be waited for: it gets on by connecting_try() only, while the kernel sees to the last. */
bool connecting_has_steps(const Connecting *connecting);

/* At any time; NULL is fine. What was begun is given up. */
void connecting_free(Connecting *connecting);
