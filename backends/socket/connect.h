/*
 * Connecting to an address: a look-up if the address needs one, then one address after the other until one answers.
 * Called by dial.c (an open of dial/ADDRESS) and operation.c (the verb `connect`).
 */
#pragma once

#include "backends/socket/socket.h"

typedef struct Connecting Connecting;

/*
 * Begins to connect to `text` with the credentials of `caller`, which are copied with its groups. The caller's thread
 * waits for this call, so its pid is valid. Only the address is parsed here. `bound`: an existing socket to connect
 * (the Connecting takes a reference of its own), or NULL. `prepare` (may be NULL) is called for each new socket, with
 * the caller's credentials, before the socket connects. 0, or a negative errno with the reason noted. The calling
 * function owns the Connecting.
 */
int connecting_begin(const Network *network, int protocol, const char *text, const Caller *caller, Socket *bound,
		     int (*prepare)(Socket *socket, void *data), void *data, Connecting **out);

/*
 * Continues. Never sleeps. 0: the calling function receives a reference to the socket. -EAGAIN: not yet. Otherwise
 * the error of the best address, the reason noted. It must not be called after it has returned anything but -EAGAIN.
 * One thread at a time may call this function or connecting_wait().
 */
int connecting_try(Connecting *connecting, Socket **out);

/* How to wait for it: always with WAIT_FD, but after each try for something else. */
void connecting_wait(Connecting *connecting, Wait *out);

/*
 * Whether more than one answer is awaited. Then only connecting_try() makes progress; the last answer arrives in the
 * kernel without it.
 */
bool connecting_has_steps(const Connecting *connecting);

/* May be called at any time. NULL is allowed. The connection is given up. */
void connecting_free(Connecting *connecting);
