/*
 * lock-run HOLD COMMAND [ARGUMENT...]: decrements a semaphore, runs the command and increments the semaphore again. The
 * value of the semaphore is the number of commands that run at the same time. HOLD is sysv/sem/NAME/I/hold or
 * posix/sem/NAME/hold.
 *
 *	lock-run /ipc/posix/sem/lock/hold sleep 1
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
	/* The open waits for the semaphore. The command inherits the descriptor, and its end closes it. */
	if (open(argv[1], O_WRONLY) < 0) {
		perror(argv[1]);
		return 1;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
