#include "native.h"

#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int refused(void)
{
	fprintf(stderr, "%s\n", strerrorname_np(errno));
	return 1;
}

void misused(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("native: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(2);
}

long number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 0);

	if (!*text || *end)
		misused("%s is no number", text);
	return n;
}

void put(const char *bytes, size_t length)
{
	if (fwrite(bytes, 1, length, stdout) != length || fflush(stdout))
		exit(refused());
}

char *whole_stdin(size_t *length)
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
		exit(refused());
	return bytes;
}

Way way_of(const char *word)
{
	if (strcmp(word, "read") == 0)
		return READ;
	if (strcmp(word, "write") == 0)
		return WRITE;
	if (strcmp(word, "open") == 0)
		return OPEN;
	misused("%s is neither read nor write nor open", word);
}

int process_in(pid_t pid, Way way)
{
	char path[64];
	long call = -1;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/syscall", (int)pid);
	file = fopen(path, "re");
	/* A process that runs shows a word instead of a number. */
	if (file && fscanf(file, "%ld", &call) != 1)
		call = -1;
	if (file)
		fclose(file);
	return call == (way == READ ? SYS_read : way == WRITE ? SYS_write : SYS_openat);
}

/* as UID[:GID[,GROUP]...] COMMAND...: the group is UID where none is named, and there are no supplementary ones. */
static int as(int argc, char **argv)
{
	gid_t groups[32];
	size_t count = 0;
	char *text = strdup(argv[0]), *rest = text, *part = strsep(&rest, ":");
	uid_t uid = (uid_t)number(part);
	gid_t gid = uid;

	(void)argc;
	part = strsep(&rest, ",");
	if (part)
		gid = (gid_t)number(part);
	while ((part = strsep(&rest, ",")) && count < sizeof groups / sizeof *groups)
		groups[count++] = (gid_t)number(part);
	free(text);
	if (setgroups(count, groups) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		return refused();
	execvp(argv[1], argv + 1);
	return refused();
}

static const Command own_commands[] = {
	{"as", "UID[:GID[,GROUP]...] COMMAND...", 2, -1, as},
	{0},
};

static const Command *const nouns[] = {own_commands, msg_commands, mq_commands, file_commands, crowd_commands};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof nouns / sizeof *nouns; i++) {
		for (const Command *command = nouns[i]; command->name; command++) {
			if (strcmp(command->name, argv[1]) != 0)
				continue;
			if (argc - 2 < command->min || (command->max >= 0 && argc - 2 > command->max))
				misused("usage: native %s %s", command->name, command->usage);
			return command->run(argc - 2, argv + 2);
		}
	}
	for (size_t i = 0; i < sizeof nouns / sizeof *nouns; i++)
		for (const Command *command = nouns[i]; command->name; command++)
			fprintf(stderr, "native %s %s\n", command->name, command->usage);
	return 2;
}
