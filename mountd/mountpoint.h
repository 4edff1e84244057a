/* The mountpoint: checks whether ipcfs can be mounted there, and removes a mount whose daemon has died. */
#pragma once

#include <stdbool.h>

#include <glib.h>

/*
 * Checks a path and /dev/fuse, and removes a stale mount from the path. Returns the path, absolute and without symbolic
 * links, as /proc/self/mountinfo will name it. Returns NULL with an error that names the remedy.
 */
char *mountpoint_prepare(const char *path, GError **error);
