/* The tree of all mechanisms, for mountd/. backends/tree.c is the only file that names every mechanism. */
#pragma once

#include "backends/core/host.h"

/* The root of the tree, with every mechanism below it. */
extern const FileDesc tree_root;

/* Passes the settings on to the mechanisms. Called once, before the mount. */
void tree_start(const HostSettings *settings);
