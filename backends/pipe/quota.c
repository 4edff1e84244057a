#include "backends/pipe/quota.h"

#include <fcntl.h>
#include <unistd.h>

#include <glib.h>

static GHashTable *used; /* Protected by the pipe lock. uid -> bytes */

/* A number below /proc/sys/fs, where 0 and what cannot be read mean that there is no limit. */
static int64_t read_limit(const char *path, int64_t unit)
{
	char text[32];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	int64_t limit;

	if (fd < 0)
		return INT64_MAX;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return INT64_MAX;
	text[n] = '\0';
	limit = g_ascii_strtoll(text, NULL, 10);
	return limit > 0 && limit < INT64_MAX / unit ? limit * unit : INT64_MAX;
}

PipeLimits pipe_limits_read(void)
{
	const int64_t page = sysconf(_SC_PAGESIZE);

	return (PipeLimits){
		.largest = read_limit("/proc/sys/fs/pipe-max-size", 1),
		.soft = read_limit("/proc/sys/fs/pipe-user-pages-soft", page),
		.hard = read_limit("/proc/sys/fs/pipe-user-pages-hard", page),
	};
}

int64_t pipe_budget_used(uid_t user)
{
	return used ? (intptr_t)g_hash_table_lookup(used, GUINT_TO_POINTER(user)) : 0;
}

void pipe_budget_add(uid_t user, int64_t bytes)
{
	int64_t now = pipe_budget_used(user) + bytes;

	if (!used)
		used = g_hash_table_new(NULL, NULL);
	if (now > 0)
		g_hash_table_insert(used, GUINT_TO_POINTER(user), (gpointer)(intptr_t)now);
	else
		g_hash_table_remove(used, GUINT_TO_POINTER(user));
}
