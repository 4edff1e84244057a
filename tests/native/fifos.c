/* The behaviour that only FIFOs have, opening and renaming, for the program `pipes`: see pipes.h. */
#include "pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static int do_open(int flags)
{
	int fd = open(path, flags);

	printf(" open=%s", fd < 0 ? strerrorname_np(errno) : "ok");
	return fd;
}

static void open_both_ends(int flags)
{
	pid_t pid = fork_child();
	int fd;

	if (pid == 0) {
		fd = do_open(flags);
		if (flags == O_WRONLY)
			do_write(fd, 3);
		else
			do_read(fd, 10);
		exit_child(0);
	}
	wait_until_asleep(pid);
	fd = do_open(flags == O_WRONLY ? O_RDONLY : O_WRONLY);
	if (flags == O_WRONLY)
		do_read(fd, 10);
	else
		do_write(fd, 3);
	reap(pid);
	close(fd);
}

int print_fifo_table(void)
{
	char new_path[sizeof path + 8];
	struct stat before, after;
	int r, w, n = -1;

	snprintf(path, sizeof path, "%s/fifo", directory);
	snprintf(new_path, sizeof new_path, "%s-other", path);
	must(mkfifo(path, 0640), "mkfifo");
	must(stat(path, &before), "stat");
	printf("mode %o links %d size %lld", (unsigned)before.st_mode, (int)before.st_nlink, (long long)before.st_size);
	printf(" again=%s\nno reader:", mkfifo(path, 0600) < 0 ? strerrorname_np(errno) : "ok");
	w = do_open(O_WRONLY | O_NONBLOCK);

	printf("\nno writer:");
	r = do_open(O_RDONLY | O_NONBLOCK);
	do_read(r, 10);
	do_poll(r, POLLIN, 0);
	w = do_open(O_WRONLY | O_NONBLOCK);
	do_read(r, 10);
	do_write(w, 5);
	printf(" FIONREAD=%d", ioctl(r, FIONREAD, &n) < 0 ? -1 : n);
	printf(" F_SETPIPE_SZ=%d", fcntl(w, F_SETPIPE_SZ, 1 << 17));
	close(w);
	do_poll(r, POLLIN, 0);
	do_read(r, 10);
	do_read(r, 10);
	close(r);

	printf("\nthe last close discards the bytes:");
	r = do_open(O_RDWR);
	do_write(r, 5);
	close(r);
	r = do_open(O_RDWR | O_NONBLOCK);
	do_read(r, 10);
	do_write(r, 5);
	do_read(r, 10);
	close(r);

	printf("\nreader first:");
	open_both_ends(O_RDONLY);
	printf("\nwriter first:");
	open_both_ends(O_WRONLY);

	printf("\nrenamed while open:");
	r = do_open(O_RDWR | O_NONBLOCK);
	must(fstat(r, &before), "fstat");
	must(rename(path, new_path), "rename");
	must(stat(new_path, &after), "stat");
	printf(" same=%d", before.st_ino == after.st_ino);
	w = must(open(new_path, O_WRONLY | O_NONBLOCK), "open");
	do_write(w, 4);
	do_read(r, 10);
	must(rename(new_path, path), "rename");

	printf("\nremoved while open:");
	must(unlink(path), "unlink");
	do_write(w, 4);
	do_read(r, 10);
	must(fstat(r, &after), "fstat");
	printf(" mode %o links %d", (unsigned)after.st_mode, (int)after.st_nlink);
	must(mkfifo(path, 0600), "mkfifo");
	do_write(w, 4);
	n = do_open(O_RDWR | O_NONBLOCK);
	do_read(n, 10);
	do_read(r, 10);
	close(r);
	do_write(w, 1);
	close(w);
	close(n);

	printf("\nreplaced:");
	must(mkfifo(new_path, 0644), "mkfifo");
	printf(" rename=%d", rename(new_path, path));
	printf(" other=%s", stat(new_path, &after) < 0 ? strerrorname_np(errno) : "there");
	must(stat(path, &after), "stat");
	printf(" mode %o\n", (unsigned)after.st_mode);
	must(chmod(path, 0604), "chmod");
	must(stat(path, &after), "stat");
	printf("changed: mode %o\n", (unsigned)after.st_mode);
	must(unlink(path), "unlink");
	return 0;
}

/* Returns 0 if the process is in open(2) now. */
int opening_status(const char *pid)
{
	char file[64];
	long call = -1;
	FILE *stream;

	snprintf(file, sizeof file, "/proc/%s/syscall", pid);
	stream = fopen(file, "re");
	/* The file of a running process has the word `running` instead of a number. */
	if (stream && fscanf(stream, "%ld", &call) != 1)
		call = -1;
	if (stream)
		fclose(stream);
	return call != SYS_openat;
}
