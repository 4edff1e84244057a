/*
 * The tree of all mechanisms, for mountd/main.c. backends/tree.c is the only file that names every mechanism.
 */
#pragma once

#include "backends/core/host.h"

/* The root of the tree, with every mechanism below it. */
extern const FileDesc tree_root;

/* Passes the settings to the mechanisms. Called once, before the mount. */
void tree_start(const HostSettings *settings);

/*
 * A mechanism can execute this program again as a helper process, with a command line of its own. If the command line is one
 * of these, tree_run_helper() does the helper's work, sets the exit status and returns true. Otherwise it returns false.
 */
bool tree_run_helper(int argc, char **argv, int *status);
