/*
 * The section `memory`: a mapping of the file `data` of a segment, compared with shmat(2), and reads and writes of
 * `data`, compared with a file on tmpfs.
 */
#include "bench.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

enum { SIZE = 64 << 20, ROUNDS = 9, TOUCHES = 1 << 20, SMALL = 4096, LARGE = 1 << 20 };

static volatile uint64_t result;
static char bytes[LARGE];

static double time_fill(char *at)
{
	double start = now();

	memset(at, 7, SIZE);
	return now() - start;
}

static double time_accesses(char *at)
{
	double start = now();
	uint64_t random = 88172645463325252U, sum = 0;

	for (int i = 0; i < TOUCHES; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		sum += (uint64_t)++at[random % SIZE];
	}
	result = sum;
	return now() - start;
}

typedef ssize_t (*Transfer)(int fd, size_t size, off_t offset);

static ssize_t write_block(int fd, size_t size, off_t offset)
{
	return pwrite(fd, bytes, size, offset);
}

static ssize_t read_block(int fd, size_t size, off_t offset)
{
	return pread(fd, bytes, size, offset);
}

/* The mean seconds of one transfer. */
static double time_transfer(int fd, Transfer transfer_block, size_t size)
{
	const int count = size == SMALL ? 4096 : 64;
	double start = now();

	for (int i = 0; i < count; i++)
		need(transfer_block(fd, size, (off_t)(i % (SIZE / (int)size)) * (off_t)size) == (ssize_t)size,
		     "pread or pwrite");
	return (now() - start) / count;
}

static void compare_transfers(const char *what, int fd, int tmpfs, Transfer transfer_block, size_t size, double reach)
{
	g_autofree char *ratio = g_strconcat(what, " / the same on tmpfs", NULL);
	Samples ours = {0}, theirs = {0};

	for (int round = 0; round < ROUNDS; round++) {
		sample(&ours, time_transfer(fd, transfer_block, size));
		sample(&theirs, time_transfer(tmpfs, transfer_block, size));
	}
	print_figure(what, &ours, 1e6, "us");
	print_ratio(ratio, median(&ours) / median(&theirs), reach);
}

static int open_file(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	need(fd >= 0, path);
	return fd;
}

/* Makes an object of SIZE bytes. Returns the path of its `data`; remove_object() frees it. */
static char *make_object(const char *kind)
{
	g_autofree char *folder = g_build_filename(bench.ipcfs.mountpoint, kind, "ipcfs-bench", NULL);
	char *data = g_build_filename(folder, "data", NULL);

	rmdir(folder);
	need(mkdir(folder, 0700) == 0, folder);
	need(truncate(data, SIZE) == 0, data);
	return data;
}

static void remove_object(char *data)
{
	g_autofree char *folder = g_path_get_dirname(data);

	need(rmdir(folder) == 0, folder);
	g_free(data);
}

static void compare_mappings(const char *data)
{
	g_autofree char *folder = g_path_get_dirname(data);
	g_autofree char *file = g_build_filename(folder, "id", NULL);
	g_autofree char *id = NULL;
	Samples ours[2] = {0}, theirs[2] = {0};
	char *mapped, *attached;
	int fd = open_file(data, O_RDWR);

	need(g_file_get_contents(file, &id, NULL, NULL), file);
	mapped = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	attached = shmat(atoi(id), NULL, 0);
	need(mapped != MAP_FAILED && attached != (char *)-1, "mmap or shmat");
	time_fill(mapped);
	time_fill(attached);
	for (int round = 0; round < ROUNDS; round++) {
		sample(&ours[0], time_fill(mapped));
		sample(&theirs[0], time_fill(attached));
		sample(&ours[1], time_accesses(mapped));
		sample(&theirs[1], time_accesses(attached));
	}
	print_figure("memset of 64 MiB through mmap of data", &ours[0], 1e3, "ms");
	print_ratio("the same / through shmat", median(&ours[0]) / median(&theirs[0]), 1.05);
	print_figure("a million random accesses through mmap of data", &ours[1], 1e3, "ms");
	print_ratio("the same / through shmat", median(&ours[1]) / median(&theirs[1]), 1.05);
	munmap(mapped, SIZE);
	shmdt(attached);
	close(fd);
}

void bench_memory(void)
{
	g_autofree char *plain = g_build_filename(bench.folder, "plain", NULL);
	int tmpfs = open_file(plain, O_RDWR | O_CREAT | O_TRUNC), fd, reading;
	char *data;

	heading("memory");
	need(pwrite(tmpfs, "", 1, SIZE - 1) == 1, plain);
	for (off_t at = 0; at < SIZE; at += LARGE)
		write_block(tmpfs, LARGE, at);
	data = make_object("sysv/shm");
	compare_mappings(data);
	fd = open_file(data, O_RDWR);
	reading = open_file(data, O_RDONLY);
	compare_transfers("sysv: pread of 4 KiB, opened for reading", reading, tmpfs, read_block, SMALL, 1.3);
	compare_transfers("sysv: pread of 1 MiB, opened for reading", reading, tmpfs, read_block, LARGE, 1.3);
	compare_transfers("sysv: pread of 4 KiB, opened for writing too", fd, tmpfs, read_block, SMALL, 0);
	compare_transfers("sysv: pwrite of 4 KiB", fd, tmpfs, write_block, SMALL, 0);
	compare_transfers("sysv: pwrite of 1 MiB", fd, tmpfs, write_block, LARGE, 0);
	close(reading);
	close(fd);
	remove_object(data);
	data = make_object("posix/shm");
	fd = open_file(data, O_RDWR);
	for (off_t at = 0; at < SIZE; at += LARGE)
		write_block(fd, LARGE, at);
	compare_transfers("posix: pread of 4 KiB", fd, tmpfs, read_block, SMALL, 1.3);
	compare_transfers("posix: pread of 1 MiB", fd, tmpfs, read_block, LARGE, 1.3);
	compare_transfers("posix: pwrite of 4 KiB", fd, tmpfs, write_block, SMALL, 1.3);
	compare_transfers("posix: pwrite of 1 MiB", fd, tmpfs, write_block, LARGE, 1.3);
	close(fd);
	remove_object(data);
	close(tmpfs);
	unlink(plain);
}
