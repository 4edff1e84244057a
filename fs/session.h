/* The mount: from fuse_session_new() to the last unmount. */
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
	int threads;            /* that read requests from the kernel */
	void (*detached)(void); /* called once there is no terminal any more */
} SessionSettings;

/*
 * Mounts, serves until unmounted or told by SIGTERM, SIGINT or SIGHUP to end, and unmounts. Unless in the foreground the
 * calling process returns to its parent once mounted, and a child of it serves. False with *error where it could not
 * start.
 */
bool session_run(const SessionSettings *settings, GError **error);

/* The bytes of the largest write(2) that surely reaches a stream in one piece (docs/semantics.md, "Large messages"). */
size_t session_whole_write(void);
