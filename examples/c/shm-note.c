/*
 * shm-note OBJECT [TEXT]: stores TEXT in shared memory, or prints the text that is stored there. OBJECT is a directory
 * in sysv/shm or posix/shm. It is made if it does not exist. The program maps the same pages as shmat(2) and
 * shm_open(3).
 *
 *	shm-note /ipc/posix/shm/note "buy milk"
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
		fprintf(stderr, "shm-note: text does not fit into the memory\n");
	else
		printf("%.*s\n", (int)strnlen(memory, (size_t)st.st_size), memory);
	return 0;
}
