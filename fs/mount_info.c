/* Reads proc_pid_mountinfo(5), and proc_pid_fdinfo(5) for the id of a mount. */
#include "fs/mount_info.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <glib.h>

/* The id of the mount that a file was opened through; -1 where it is not known. */
static int mount_id(int fd)
{
	g_autofree char *name = g_strdup_printf("/proc/self/fdinfo/%d", fd);
	g_autofree char *text = NULL;
	const char *line;

	if (!g_file_get_contents(name, &text, NULL, NULL))
		return -1;
	line = strstr(text, "mnt_id:");
	return line ? atoi(line + strlen("mnt_id:")) : -1;
}

/* proc_pid_mountinfo(5): ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [TAG...] - TYPE SOURCE OPTIONS */
static bool parse_line(const char *line, int id, MountInfo *out)
{
	g_auto(GStrv) fields = g_strsplit(line, " ", -1);
	unsigned major, minor;
	g_autofree char *mountpoint = NULL;
	size_t i = 6;

	if (g_strv_length(fields) < 10 || atoi(fields[0]) != id)
		return false;
	if (sscanf(fields[2], "%u:%u", &major, &minor) != 2)
		return false;
	while (fields[i] && strcmp(fields[i], "-") != 0)
		i++;
	if (!fields[i] || !fields[i + 1])
		return false;
	mountpoint = g_strcompress(fields[4]); /* the kernel writes a space as \040 */
	out->device = makedev(major, minor);
	out->type = g_strcompress(fields[i + 1]);
	out->root = strcmp(mountpoint, out->path) == 0;
	return true;
}

bool mount_info_read(int fd, MountInfo *out)
{
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	int id = mount_id(fd);

	*out = (MountInfo){.path = g_file_read_link(link, NULL)};
	if (!out->path || id < 0 || !g_file_get_contents("/proc/self/mountinfo", &text, NULL, NULL)) {
		mount_info_clear(out);
		return false;
	}
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++)
		if (parse_line(*line, id, out))
			break;
	return true;
}

void mount_info_clear(MountInfo *info)
{
	g_free(info->path);
	g_free(info->type);
	*info = (MountInfo){0};
}
