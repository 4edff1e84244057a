/*
 * limits/: see limits.h. Each file shows one number of a file below /proc/sys. fs/ calls the functions through the tables. There
 * are no locks: two writers of `kernel/sem`, which holds four numbers, can undo each other's change, as natively.
 */
#include "backends/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "backends/core/refusal.h"

/* The file below /proc/sys that has the value, and the index of the value in that file. FileDesc.which is an index here. */
static const struct {
	const char *path;
	int field;
} limits[] = {
	{"kernel/msgmax", 0},
	{"kernel/msgmnb", 0},
	{"kernel/msgmni", 0},
	{"kernel/shmmax", 0},
	{"kernel/shmall", 0},
	{"kernel/shmmni", 0},
	{"kernel/sem", 0},
	{"kernel/sem", 1},
	{"kernel/sem", 2},
	{"kernel/sem", 3},
	{"fs/mqueue/queues_max", 0},
	{"fs/mqueue/msg_max", 0},
	{"fs/mqueue/msgsize_max", 0},
	{"fs/pipe-max-size", 0},
};

static int open_limit(int which, int flags)
{
	g_autofree char *path = g_strconcat("/proc/sys/", limits[which].path, NULL);
	int fd = open(path, flags | O_CLOEXEC);

	return fd < 0 ? refuse_descriptor(errno) : fd;
}

/* Returns the numbers in the file as strings; or NULL, and sets *error to a negative errno. */
static char **read_fields(int which, int *error)
{
	char text[256];
	ssize_t n = -1;
	int fd = open_limit(which, O_RDONLY);

	*error = fd;
	if (fd >= 0) {
		n = read(fd, text, sizeof text - 1);
		*error = n < 0 ? -errno : -EIO;
		close(fd);
	}
	if (n <= 0)
		return NULL;
	text[n] = '\0';
	return g_strsplit_set(g_strstrip(text), " \t", -1);
}

static int limit_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	int error;
	g_auto(GStrv) fields = read_fields(desc->which, &error);

	if (!fields)
		return error;
	if ((int)g_strv_length(fields) <= limits[desc->which].field)
		return -EIO;
	g_string_append_printf(out, "%s\n", fields[limits[desc->which].field]);
	return 0;
}

/* Runs with the caller's ids: the kernel lets only root open the file. */
static int limit_store(const FileDesc *desc, const Object *object, const char *text)
{
	int error, fd, field = limits[desc->which].field;
	g_auto(GStrv) fields = read_fields(desc->which, &error);
	g_autofree char *line = NULL;
	size_t length = strlen(text);

	if (!fields)
		return error;
	if (length == 0 || length > 20 || strspn(text, "0123456789") != length || (int)g_strv_length(fields) <= field)
		return refuse(EINVAL, "a limit is not a decimal number: write digits only");
	g_free(fields[field]);
	fields[field] = g_strdup(text);
	line = g_strjoinv(" ", fields);
	fd = open_limit(desc->which, O_WRONLY);
	if (fd < 0)
		return fd;
	error = write(fd, line, strlen(line)) < 0 ? -errno : 0;
	close(fd);
	if (error == -EINVAL)
		return refuse(EINVAL, "the kernel does not accept %s for %s: use another value", text, desc->name);
	return error;
}

static const TextOps limit = {.show = limit_show, .store = limit_store};

#define LIMIT(file, index)                                                               \
	{                                                                                \
		.name = file, .kind = TEXT, .mode = 0644, .text = &limit, .which = index \
	}

/* clang-format off */
static const FileDesc files[] = {
	LIMIT("msgmax", 0),
	LIMIT("msgmnb", 1),
	LIMIT("msgmni", 2),
	LIMIT("shmmax", 3),
	LIMIT("shmall", 4),
	LIMIT("shmmni", 5),
	LIMIT("semmsl", 6),
	LIMIT("semmns", 7),
	LIMIT("semopm", 8),
	LIMIT("semmni", 9),
	LIMIT("mq_queues_max", 10),
	LIMIT("mq_msg_max", 11),
	LIMIT("mq_msgsize_max", 12),
	LIMIT("pipe_max_size", 13),
	{0},
};
/* clang-format on */

const FileDesc limits_desc = {.name = "limits", .kind = DIRECTORY, .mode = 0755, .files = files};
