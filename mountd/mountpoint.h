/* The directory to mount on: whether it will do, and taking over a mount whose server has died. */
#pragma once

#include <stdbool.h>

#include <glib.h>

/* Checks an absolute path and /dev/fuse, and frees a stale mount there. False, with an error that says what would help. */
bool mountpoint_prepare(const char *path, GError **error);
