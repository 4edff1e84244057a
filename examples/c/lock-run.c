/*
 * Runs a command while it has a semaphore: one at a time where its value is 1, so many where it is more.
 * HOLD is sysv/sem/NAME/I/hold or posix/sem/NAME/hold.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: lock-run HOLD COMMAND [ARGUMENT...]\n");
		return 2;
	}
	/* Waits. The command inherits the descriptor and keeps it until it ends, in whatever way. */
	if (open(argv[1], O_WRONLY) < 0) {
		perror(argv[1]);
		return 1;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
