#include "native.h"

#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int print_errno(void)
{
	fprintf(stderr, "%s\n", strerrorname_np(errno));
	return 1;
}

void usage_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("native: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(2);
}

long parse_number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 0);

	if (!*text || *end)
		usage_error("not a number: %s", text);
	return n;
}

int limit_ms(long idle)
{
	const char *factor = getenv("IPCFS_TIME_FACTOR");

	return (int)(idle * (factor ? parse_number(factor) : 4));
}

void print_bytes(const char *bytes, size_t length)
{
	if (fwrite(bytes, 1, length, stdout) != length || fflush(stdout))
		exit(print_errno());
}

char *read_stdin(size_t *length)
{
	size_t room = 1 << 16, n;
	char *bytes = malloc(room);

	*length = 0;
	while (bytes && (n = fread(bytes + *length, 1, room - *length, stdin)) > 0) {
		*length += n;
		if (*length == room)
			bytes = realloc(bytes, room *= 2);
	}
	if (!bytes || ferror(stdin))
		exit(print_errno());
	return bytes;
}

Call call_of(const char *word)
{
	if (strcmp(word, "read") == 0)
		return READ;
	if (strcmp(word, "write") == 0)
		return WRITE;
	if (strcmp(word, "open") == 0)
		return OPEN;
	usage_error("expected read, write or open: %s", word);
}

int process_in(pid_t pid, Call call)
{
	char path[64];
	long number = -1;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/syscall", (int)pid);
	file = fopen(path, "re");
	/* The file of a running process has the word `running` instead of a number. */
	if (file && fscanf(file, "%ld", &number) != 1)
		number = -1;
	if (file)
		fclose(file);
	return number == (call == READ ? SYS_read : call == WRITE ? SYS_write : SYS_openat);
}

/*
 * as UID[:GID[,GROUP]...] COMMAND...: without GID, the group is UID. Without GROUP, there are no supplementary groups.
 */
static int run_as(int argc, char **argv)
{
	gid_t groups[32];
	size_t count = 0;
	char *text = strdup(argv[0]), *rest = text, *part = strsep(&rest, ":");
	uid_t uid = (uid_t)parse_number(part);
	gid_t gid = uid;

	(void)argc;
	part = strsep(&rest, ",");
	if (part)
		gid = (gid_t)parse_number(part);
	while ((part = strsep(&rest, ",")) && count < sizeof groups / sizeof *groups)
		groups[count++] = (gid_t)parse_number(part);
	free(text);
	if (setgroups(count, groups) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		return print_errno();
	execvp(argv[1], argv + 1);
	return print_errno();
}

static const Command user_commands[] = {
	{"as", "UID[:GID[,GROUP]...] COMMAND...: runs COMMAND as this user", 2, -1, run_as},
	{0},
};

static const Command *const tables[] = {user_commands, msg_commands, mq_commands, file_commands, crowd_commands};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof tables / sizeof *tables; i++) {
		for (const Command *command = tables[i]; command->name; command++) {
			if (strcmp(command->name, argv[1]) != 0)
				continue;
			if (argc - 2 < command->min || (command->max >= 0 && argc - 2 > command->max))
				usage_error("usage: native %s %s", command->name, command->usage);
			return command->run(argc - 2, argv + 2);
		}
	}
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
		for (const Command *command = tables[i]; command->name; command++)
			fprintf(stderr, "native %s %s\n", command->name, command->usage);
	return 2;
}
