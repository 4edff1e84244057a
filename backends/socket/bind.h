/*
 * Binding a new socket to an address of its own, and having it listen there: a look-up, where the address needs one,
 * and bind(2). A path is walked on a thread of its own.
 */
#pragma once

#include "backends/socket/socket.h"

typedef struct Binding Binding;

typedef struct BindingTerms {
	const Network *network;
	int protocol;
	const Caller *caller; /* as whom it is done; copied with its groups, and waits for binding_begin() to return */
	mode_t umask;         /* the caller's, for the file of a unix socket */
	int backlog;          /* for listen(2); -1: it is not to listen */
	bool both_families;   /* any address of IPv6 takes IPv4 as well, whatever the system's default is */
	int (*prepare)(Socket *socket, void *data); /* called on each socket made, before it is bound */
	void *data;
} BindingTerms;

/*
 * Begins. When there is reason to try again host_wake(key) is called. 0, or a negative errno with the reason noted.
 * The Binding is the caller's.
 */
int binding_begin(const BindingTerms *terms, const char *text, const int64_t key[4], Binding **out);

/*
 * Goes on, never sleeps: 0 with the socket, held for the caller; -EAGAIN: not yet; or the errno of bind(2) and its
 * like, the reason noted. Of a name with several addresses one is taken, IPv4 before IPv6. Not for two threads at once,
 * nor after its end.
 */
int binding_try(Binding *binding, Socket **out);

/* At any time; NULL is fine. */
void binding_free(Binding *binding);
