/*
 * The processes that have memory mapped (mappers.h). The `attached` files of shared memory and the resizing of segments call
 * it. There is no state and no lock.
 */
#include "backends/common/mappers.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "backends/core/parse.h"
#include "backends/core/procfs.h"

/* A line of /proc/PID/maps: "from-to perms offset major:minor inode path". `native`: it may be a native mapping. */
static bool line_maps(const char *line, const Mapped *mapped, bool native)
{
	unsigned major, minor;
	uint64_t inode;
	int path = 0;

	if (sscanf(line, "%*s %*s %*s %x:%x %" SCNu64 " %n", &major, &minor, &inode, &path) < 3)
		return false;
	if (inode == mapped->passed_inode && inode != 0)
		return true;
	return native && inode == mapped->inode && (!mapped->device || makedev(major, minor) == mapped->device) &&
	       (!mapped->prefix || g_str_has_prefix(line + path, mapped->prefix));
}

/* Whether the process has the daemon's IPC namespace. In another one the same id is another object. */
static bool shares_ipc(pid_t pid)
{
	int directory = procfs_open(pid, 0);
	bool shares = directory >= 0 && procfs_shares_namespace(directory, "ipc");

	if (directory >= 0)
		close(directory);
	return shares;
}

static bool process_maps(pid_t pid, const Mapped *mapped)
{
	const bool native = !mapped->own_ipc || shares_ipc(pid);
	g_autofree char *path = g_strdup_printf("/proc/%d/maps", (int)pid);
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	bool found = false;

	if (!file)
		return false;
	while (!found && getline(&line, &room, file) > 0)
		found = line_maps(line, mapped, native);
	free(line);
	fclose(file);
	return found;
}

static bool is_owned_by(pid_t pid, uid_t uid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d", (int)pid);
	struct stat st;

	return stat(path, &st) == 0 && st.st_uid == uid;
}

int mappers_print(const Mapped *mapped, bool all, uid_t uid, GString *out)
{
	GDir *processes = g_dir_open("/proc", 0, NULL);
	const char *name;
	int64_t pid;
	int count = 0;

	while (processes && (name = g_dir_read_name(processes)) && (out || count == 0)) {
		if (!parse_number(name, 1, INT_MAX, &pid) || pid == getpid() ||
		    !(all || is_owned_by((pid_t)pid, uid)) || !process_maps((pid_t)pid, mapped))
			continue;
		count++;
		if (out)
			g_string_append_printf(out, "%d\n", (int)pid);
	}
	if (processes)
		g_dir_close(processes);
	return count;
}
