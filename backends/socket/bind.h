/*
 * Binding a new socket to an address and listening there: a look-up if the address needs one, then bind(2) and
 * listen(2). A path is bound in a background job. Called by operation.c for the verbs `announce` and `bind`.
 */
#pragma once

#include "backends/socket/socket.h"

typedef struct Binding Binding;

typedef struct BindingTerms {
	const Network *network;
	int protocol;
	/* whose credentials are used; copied with its groups; this thread waits for binding_begin() */
	const Caller *caller;
	mode_t umask;       /* the caller's, for the file of a unix socket */
	int backlog;        /* for listen(2); -1: do not listen */
	bool both_families; /* the IPv6 wildcard address accepts IPv4 as well, whatever the system's default is */
	int (*prepare)(Socket *socket, void *data); /* called for each new socket, before it is bound */
	void *data;
} BindingTerms;

/*
 * Begins. host_wake(key) is called when there is a reason to try again. 0, or a negative errno with the reason noted.
 * The calling function owns the Binding.
 */
int binding_begin(const BindingTerms *terms, const char *text, const int64_t key[4], Binding **out);

/*
 * Continues. Never sleeps. 0: the calling function receives a reference to the socket. -EAGAIN: not yet. Otherwise
 * the negative errno of bind(2) or listen(2), the reason noted. If a name has several addresses, one is bound, IPv4
 * before IPv6. One thread at a time may call it, and no thread after it has returned anything but -EAGAIN.
 */
int binding_try(Binding *binding, Socket **out);

/* May be called at any time. NULL is allowed. */
void binding_free(Binding *binding);
