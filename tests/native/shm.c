/*
 * native-shm: the other side of the tests of shared memory: shmget, shmat, shmctl, shm_open and plain mmap(2) of any file.
 * Shares no code with ipcfs. A call that fails prints the name of its errno and ends the program with 1.
 *
 *	native-shm get KEY SIZE [private|huge]	make a segment; prints its id
 *	native-shm at ID peek|poke OFFSET N|TEXT	shmat, and read N bytes or write TEXT there
 *	native-shm hold ID			shmat, print "attached", keep it until stdin ends
 *	native-shm open NAME SIZE		shm_open(O_CREAT|O_EXCL) and ftruncate
 *	native-shm posix NAME peek|poke OFFSET N|TEXT	shm_open, mmap
 *	native-shm map FILE peek|poke OFFSET N|TEXT	open, mmap (MAP_SHARED), close before the access
 *	native-shm keep FILE TEXT		open, mmap, close, print "mapped"; when stdin ends write TEXT, print the start
 *	native-shm writable FILE		mmap for writing a descriptor that was opened for reading
 *	native-shm size FILE SIZE		truncate(2)
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

static void need(int good)
{
	if (good)
		return;
	fprintf(stderr, "%s\n", strerrorname_np(errno));
	exit(1);
}

static void wait_for_end(const char *word)
{
	char byte;

	puts(word);
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
}

/* peek|poke OFFSET N|TEXT */
static int access_at(char *at, char **argv)
{
	char *place = at + strtoul(argv[1], NULL, 0);

	if (strcmp(argv[0], "poke") == 0)
		memcpy(place, argv[2], strlen(argv[2]));
	else
		fwrite(place, 1, strtoul(argv[2], NULL, 0), stdout);
	return 0;
}

static char *map(int fd, int protection)
{
	struct stat st;
	char *at;

	need(fd >= 0 && fstat(fd, &st) == 0);
	at = mmap(NULL, (size_t)st.st_size, protection, MAP_SHARED, fd, 0);
	need(at != MAP_FAILED);
	close(fd);
	return at;
}

static char *attach(const char *id)
{
	char *at = shmat(atoi(id), NULL, 0);

	need(at != (char *)-1);
	return at;
}

static int keep(const char *path, const char *text)
{
	char *at = map(open(path, O_RDWR), PROT_READ | PROT_WRITE);

	wait_for_end("mapped");
	memcpy(at, text, strlen(text));
	fwrite(at, 1, 8, stdout);
	return 0;
}

int main(int argc, char **argv)
{
	const char *word = argc > 2 ? argv[1] : "";

	if (strcmp(word, "get") == 0 && argc >= 4) {
		int private = argc > 4 && strcmp(argv[4], "private") == 0, huge = argc > 4 && !private;
		int id = shmget(private ? IPC_PRIVATE : (key_t)strtoul(argv[2], NULL, 0), strtoul(argv[3], NULL, 0),
				IPC_CREAT | IPC_EXCL | 0600 | (huge ? SHM_HUGETLB : 0));

		need(id >= 0);
		printf("%d\n", id);
	} else if (strcmp(word, "at") == 0 && argc == 6) {
		return access_at(attach(argv[2]), argv + 3);
	} else if (strcmp(word, "hold") == 0) {
		attach(argv[2]);
		wait_for_end("attached");
	} else if (strcmp(word, "open") == 0 && argc == 4) {
		int fd = shm_open(argv[2], O_CREAT | O_EXCL | O_RDWR, 0600);

		need(fd >= 0 && ftruncate(fd, strtol(argv[3], NULL, 0)) == 0);
	} else if (strcmp(word, "posix") == 0 && argc == 6) {
		return access_at(map(shm_open(argv[2], O_RDWR, 0), PROT_READ | PROT_WRITE), argv + 3);
	} else if (strcmp(word, "map") == 0 && argc == 6) {
		return access_at(map(open(argv[2], O_RDWR), PROT_READ | PROT_WRITE), argv + 3);
	} else if (strcmp(word, "keep") == 0 && argc == 4) {
		return keep(argv[2], argv[3]);
	} else if (strcmp(word, "writable") == 0) {
		map(open(argv[2], O_RDONLY), PROT_READ | PROT_WRITE);
	} else if (strcmp(word, "size") == 0 && argc == 4) {
		need(truncate(argv[2], strtol(argv[3], NULL, 0)) == 0);
	} else {
		return 2;
	}
	return 0;
}
