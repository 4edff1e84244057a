/* Reading /proc: see procfs.h. */
#include "backends/core/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backends/core/parse.h"
#include "backends/core/refusal.h"

int procfs_open(pid_t pid, pid_t tid)
{
	char path[64];
	int fd;

	if (tid)
		snprintf(path, sizeof path, "/proc/%d/task/%d", (int)pid, (int)tid);
	else
		snprintf(path, sizeof path, "/proc/%d", (int)pid);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	return errno == EMFILE || errno == ENFILE ? refuse_descriptor(errno) : -ESRCH;
}

char *procfs_read(int directory, const char *file)
{
	int fd = openat(directory, file, O_RDONLY | O_CLOEXEC);
	g_autoptr(GString) text = NULL;
	char buf[4096];
	ssize_t n;

	if (fd < 0)
		return NULL;
	text = g_string_sized_new(sizeof buf);
	while ((n = read(fd, buf, sizeof buf)) > 0)
		g_string_append_len(text, buf, n);
	close(fd);
	if (n < 0 || text->len == 0)
		return NULL;
	return g_string_free(g_steal_pointer(&text), FALSE);
}

int procfs_stat(int directory, ProcessStat *out)
{
	g_autofree char *text = procfs_read(directory, "stat");
	const char *name = text ? strchr(text, '(') : NULL;
	const char *end = text ? strrchr(text, ')') : NULL; /* a name can contain any byte */
	unsigned long long start;
	int parent, group, session;
	char state;

	if (!name || !end ||
	    sscanf(end + 1, " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &state,
		   &parent, &group, &session, &start) != 5)
		return -ESRCH;
	*out = (ProcessStat){.state = state, .parent = parent, .group = group, .session = session, .start = start};
	g_strlcpy(out->name, name + 1, MIN(sizeof out->name, (size_t)(end - name)));
	return 0;
}

int procfs_stat_of(pid_t pid, pid_t tid, ProcessStat *out)
{
	int directory = procfs_open(pid, tid);
	int result;

	if (directory < 0)
		return directory;
	result = procfs_stat(directory, out);
	close(directory);
	return result;
}

const char *procfs_field(const char *status, const char *name)
{
	size_t length = strlen(name);

	for (const char *line = status; line; line = strchr(line, '\n')) {
		if (*line == '\n')
			line++;
		if (strncmp(line, name, length) == 0 && line[length] == ':')
			return line + length + 1 + strspn(line + length + 1, "\t ");
	}
	return NULL;
}

uint64_t procfs_number(const char *status, const char *name, int base)
{
	const char *value = procfs_field(status, name);

	return value ? strtoull(value, NULL, base) : 0;
}

bool procfs_limit(pid_t pid, uid_t uid, const char *label, uint64_t *out)
{
	int directory = pid > 0 ? procfs_open(pid, 0) : -1;
	g_autofree char *status = directory >= 0 ? procfs_read(directory, "status") : NULL;
	g_autofree char *limits = directory >= 0 ? procfs_read(directory, "limits") : NULL;
	const char *uids = status ? procfs_field(status, "Uid") : NULL;
	const char *line = limits ? strstr(limits, label) : NULL;
	unsigned effective;
	uint64_t limit = UINT64_MAX;

	if (directory >= 0)
		close(directory);
	if (!line || !uids || sscanf(uids, "%*u %u", &effective) != 1 || effective != uid)
		return false;
	line += strlen(label);
	line += strspn(line, " ");
	if (!g_str_has_prefix(line, "unlimited") && sscanf(line, "%" SCNu64, &limit) != 1)
		return false;
	*out = limit;
	return true;
}

bool procfs_shares_namespace(int directory, const char *kind)
{
	g_autofree char *process_path = g_strdup_printf("ns/%s", kind);
	g_autofree char *daemon_path = g_strdup_printf("/proc/self/ns/%s", kind);
	struct stat process, daemon;

	return fstatat(directory, process_path, &process, 0) == 0 && stat(daemon_path, &daemon) == 0 &&
	       process.st_dev == daemon.st_dev && process.st_ino == daemon.st_ino;
}

int procfs_each(const char *path, void (*each)(void *data, pid_t pid), void *data)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;

	if (!directory)
		return errno == ENOENT ? -ESRCH : -errno;
	while ((entry = readdir(directory))) {
		pid_t pid = procfs_parse(entry->d_name);

		if (pid)
			each(data, pid);
	}
	closedir(directory);
	return 0;
}

pid_t procfs_parse(const char *name)
{
	int64_t n;

	return name[0] != '0' && parse_number(name, 1, INT_MAX, &n) ? (pid_t)n : 0;
}

time_t procfs_began(uint64_t start)
{
	struct timespec up;

	clock_gettime(CLOCK_BOOTTIME, &up);
	return time(NULL) - up.tv_sec + (time_t)(start / (uint64_t)sysconf(_SC_CLK_TCK));
}
