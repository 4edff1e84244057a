/*
 * usage: shm-note OBJECT [TEXT]
 *
 * Leaves TEXT in shared memory, or without it prints what is there. OBJECT is a segment or object in sysv/shm or posix/shm,
 * made when it is not there yet: /ipc/posix/shm/note. The pages are those that shmat(2) and shm_open(3) give.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char path[4096];
	struct stat st;
	char *memory;
	int fd;

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: shm-note OBJECT [TEXT]\n");
		return 2;
	}
	if (stat(argv[1], &st))
		mkdir(argv[1], 0700);
	snprintf(path, sizeof path, "%s/data", argv[1]);
	fd = open(path, O_RDWR);
	if (fd < 0 || fstat(fd, &st)) {
		perror(path);
		return 1;
	}
	memory = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	if (argc == 3 && strlen(argv[2]) < (size_t)st.st_size)
		strcpy(memory, argv[2]);
	else if (argc == 3)
		fprintf(stderr, "shm-note: the text is longer than the memory\n");
	else
		printf("%.*s\n", (int)strnlen(memory, (size_t)st.st_size), memory);
	return 0;
}
