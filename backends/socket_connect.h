/*
 * Connecting: a look-up, where the address needs one, and then one address after the other until one answers. Made for the
 * open of dial/ADDRESS and the `connect` of a conversation.
 */
#pragma once

#include "backends/socket.h"

typedef struct Connecting Connecting;

/*
 * Begins to connect to `text` as `caller` (copied with its groups); nothing is done yet but the address read. `bound`: a
 * socket that is there already (held by the Connecting), or NULL. `prepare` (may be NULL) is called on each socket made, as the
 * caller, before it connects. 0, or a negative errno with the reason noted. The Connecting is the caller's.
 */
int connecting_begin(const Network *network, int protocol, const char *text, const Caller *caller, Socket *bound,
		     int (*prepare)(Socket *socket, void *data), void *data, Connecting **out);

/*
 * Goes on with it: 0 with the socket, held for the caller; -EAGAIN: not yet; or the errno of the last address tried. With
 * SLEEP, on a worker, a unix socket whose server's backlog is full is waited for; -EINTR: a signal came.
 */
int connecting_try(Connecting *connecting, Patience patience, Socket **out);

/* How to wait for it; `key` is any number that is nobody else's, such as the Handle's address. */
void connecting_wait(Connecting *connecting, Wait *out);

/* At any time; NULL is fine. What was begun is given up. */
void connecting_free(Connecting *connecting);
