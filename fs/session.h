/* The session: the mount from its start to its end. Called by mountd/main.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

#include "backends/core/backend.h"

typedef struct SessionSettings {
	const FileDesc *root;   /* of the tree that is served; has to outlive the session */
	const char *mountpoint; /* absolute */
	const char *options;    /* for -o, comma-separated */
	bool foreground;
	int threads;            /* dispatchers, which read requests from the kernel */
	void (*detached)(void); /* called after the daemon has left its terminal */
} SessionSettings;

/*
 * Mounts, serves until the tree is unmounted or SIGTERM, SIGINT or SIGHUP comes, and unmounts. Unless `foreground` is
 * set, the calling process exits once the tree is mounted, and its child serves. False, with *error set: it could not
 * start, or the connection to the kernel failed.
 */
bool session_run(const SessionSettings *settings, GError **error);

/* The size of the largest write(2) that always reaches a stream in one piece (docs/semantics.md, "Large messages"). */
size_t session_whole_write(void);
