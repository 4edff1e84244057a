/*
 * native-shm: makes the native calls of shared memory for the tests in tests/mount/. The program shares no code with
 * ipcfs. If a call fails, the program prints the name of the errno to stderr and exits with status 1. After wrong usage
 * it exits with status 2.
 *
 *	native-shm get KEY SIZE [private|huge]		makes a segment and prints its id
 *	native-shm at ID peek|poke OFFSET N|TEXT	shmat, then reads N bytes or writes TEXT at OFFSET
 *	native-shm hold ID				shmat, prints "attached" and waits for end of file on stdin
 *	native-shm open NAME SIZE			shm_open(O_CREAT|O_EXCL) and ftruncate
 *	native-shm posix NAME peek|poke OFFSET N|TEXT	shm_open and mmap, then as `at`
 *	native-shm map FILE peek|poke OFFSET N|TEXT	open, mmap (MAP_SHARED) and close, then as `at`
 *	native-shm keep FILE TEXT			open, mmap and close, prints "mapped" and waits for end of file on
 *							stdin; then writes TEXT and prints the first bytes
 *	native-shm writable FILE			opens for reading only, and maps for writing
 *	native-shm size FILE SIZE			truncate(2)
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

static void exit_unless(int good)
{
	if (good)
		return;
	fprintf(stderr, "%s\n", strerrorname_np(errno));
	exit(1);
}

static void print_and_wait(const char *word)
{
	char byte;

	puts(word);
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
}

/* peek|poke OFFSET N|TEXT */
static int peek_or_poke(char *memory, char **argv)
{
	char *start = memory + strtoul(argv[1], NULL, 0);

	if (strcmp(argv[0], "poke") == 0)
		memcpy(start, argv[2], strlen(argv[2]));
	else
		fwrite(start, 1, strtoul(argv[2], NULL, 0), stdout);
	return 0;
}

static char *map_and_close(int fd, int protection)
{
	struct stat st;
	char *memory;

	exit_unless(fd >= 0 && fstat(fd, &st) == 0);
	memory = mmap(NULL, (size_t)st.st_size, protection, MAP_SHARED, fd, 0);
	exit_unless(memory != MAP_FAILED);
	close(fd);
	return memory;
}

static char *attach_segment(const char *id)
{
	char *memory = shmat(atoi(id), NULL, 0);

	exit_unless(memory != (char *)-1);
	return memory;
}

static int keep_mapped(const char *path, const char *text)
{
	char *memory = map_and_close(open(path, O_RDWR), PROT_READ | PROT_WRITE);

	print_and_wait("mapped");
	memcpy(memory, text, strlen(text));
	fwrite(memory, 1, 8, stdout);
	return 0;
}

int main(int argc, char **argv)
{
	const char *word = argc > 2 ? argv[1] : "";

	if (strcmp(word, "get") == 0 && argc >= 4) {
		int private = argc > 4 && strcmp(argv[4], "private") == 0, huge = argc > 4 && !private;
		int id = shmget(private ? IPC_PRIVATE : (key_t)strtoul(argv[2], NULL, 0), strtoul(argv[3], NULL, 0),
				IPC_CREAT | IPC_EXCL | 0600 | (huge ? SHM_HUGETLB : 0));

		exit_unless(id >= 0);
		printf("%d\n", id);
	} else if (strcmp(word, "at") == 0 && argc == 6) {
		return peek_or_poke(attach_segment(argv[2]), argv + 3);
	} else if (strcmp(word, "hold") == 0) {
		attach_segment(argv[2]);
		print_and_wait("attached");
	} else if (strcmp(word, "open") == 0 && argc == 4) {
		int fd = shm_open(argv[2], O_CREAT | O_EXCL | O_RDWR, 0600);

		exit_unless(fd >= 0 && ftruncate(fd, strtol(argv[3], NULL, 0)) == 0);
	} else if (strcmp(word, "posix") == 0 && argc == 6) {
		return peek_or_poke(map_and_close(shm_open(argv[2], O_RDWR, 0), PROT_READ | PROT_WRITE), argv + 3);
	} else if (strcmp(word, "map") == 0 && argc == 6) {
		return peek_or_poke(map_and_close(open(argv[2], O_RDWR), PROT_READ | PROT_WRITE), argv + 3);
	} else if (strcmp(word, "keep") == 0 && argc == 4) {
		return keep_mapped(argv[2], argv[3]);
	} else if (strcmp(word, "writable") == 0) {
		map_and_close(open(argv[2], O_RDONLY), PROT_READ | PROT_WRITE);
	} else if (strcmp(word, "size") == 0 && argc == 4) {
		exit_unless(truncate(argv[2], strtol(argv[3], NULL, 0)) == 0);
	} else {
		return 2;
	}
	return 0;
}
