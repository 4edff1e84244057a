/*
 * bench-sockets IPCFS [SECTION…]: compares socket/ with native sockets, and with socat, which connects programs that
 * make no socket calls; and a message queue with Redis. The program needs root. It makes new network, IPC and mount
 * namespaces. It prints figures and judges none.
 *
 * The rounds alternate between the ways. The ratios are ratios of medians.
 */
#include "bench.h"

#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "redis.h"
#include "servers.h"

enum { ROUNDS = 7, TRIPS = 2000, CONNECTIONS = 1000, BLOCK_MAX = 1 << 20 };

struct Bench bench;
static char buffer[BLOCK_MAX] __attribute__((aligned(4096)));

static char *socket_path(const char *network, const char *name)
{
	return g_build_filename(bench.ipcfs.mountpoint, "socket", network, name, NULL);
}

/* The path of a unix socket of a server, outside the tree. */
static char *outside_path(const char *name)
{
	return g_build_filename(bench.folder, name, NULL);
}

/* -- Bulk ----------------------------------------------------------------------------------------------------------- */

/*
 * Returns the bytes per second to a SINK. The clock starts after the first byte, so that the start of socat does not
 * count.
 */
static double measure_upload(const Server *sink, Way way, size_t block)
{
	Ends ends = way(sink, UP, block);
	double start;

	need(write(ends.in, buffer, 1) == 1, "write");
	server_wait(sink);
	start = now();
	for (size_t sent = 0; sent < BULK;) {
		ssize_t n = write(ends.in, buffer, block);

		need(n > 0, "write");
		sent += (size_t)n;
	}
	ends_close(ends);
	server_wait(sink);
	return BULK / (now() - start);
}

/* Returns the bytes per second from a SOURCE, without the first byte. */
static double measure_download(const Server *source, Way way, size_t block)
{
	Ends ends = way(source, DOWN, block);
	size_t got = 1;
	double start;
	ssize_t n;

	need(read(ends.out, buffer, 1) == 1, "read");
	start = now();
	while ((n = read(ends.out, buffer, block)) > 0)
		got += (size_t)n;
	need(n == 0 && got == BULK, "read");
	start = now() - start;
	ends_close(ends);
	return BULK / start;
}

static void compare_bulk(const char *network, const Server *server, size_t block,
			 double (*transfer)(const Server *server, Way way, size_t block))
{
	g_autofree char *what = g_strdup_printf("%s, %s, blocks of %zu KiB: dial", network,
						transfer == measure_upload ? "sending" : "receiving", block >> 10);
	Samples native = {0}, dial = {0}, socat = {0};

	for (int i = 0; i < ROUNDS; i++) {
		sample(&native, transfer(server, way_native, block));
		sample(&dial, transfer(server, way_dial, block));
		sample(&socat, transfer(server, way_socat, block));
	}
	print_figure(what, &dial, 1e-6, "MB/s");
	print_figure("  a native client", &native, 1e-6, "MB/s");
	print_figure("  a pipe and socat", &socat, 1e-6, "MB/s");
	print_share("  dial / native", median(&dial) / median(&native), 0);
	print_share("  dial / socat", median(&dial) / median(&socat), 1.0);
}

static void bench_transfers(void)
{
	static const size_t blocks[] = {64 << 10, 1 << 20};
	g_autofree char *path = outside_path("bulk");
	Server server = {0};

	heading("Bulk bytes, from process to process");
	for (int tcp = 1; tcp >= 0; tcp--)
		for (Service service = SINK; service <= SOURCE; service++)
			for (size_t i = 0; i < G_N_ELEMENTS(blocks); i++) {
				server_start(&server, tcp ? NULL : path, service);
				compare_bulk(tcp ? "tcp" : "unix", &server, blocks[i],
					     service == SINK ? measure_upload : measure_download);
				server_end(&server);
			}
}

/* -- Round trips ---------------------------------------------------------------------------------------------------- */

/* Returns the seconds of a round trip of 64 bytes. */
static double time_round_trip(const Server *echo, Way way)
{
	Ends ends = way(echo, BOTH, 8192);
	double start = 0;

	/* The first trip is not counted, because socat starts during it. */
	for (int i = -1; i < TRIPS; i++) {
		if (i == 0)
			start = now();
		need(write(ends.in, buffer, MESSAGE) == MESSAGE, "write");
		for (ssize_t got = 0, n; got < MESSAGE; got += n) {
			n = read(ends.out, buffer, (size_t)(MESSAGE - got));
			need(n > 0, "read");
		}
	}
	start = now() - start;
	ends_close(ends);
	return start / TRIPS;
}

static void compare_trips(const char *network, const Server *server, const char *where, int cpu)
{
	g_autofree char *what = g_strdup_printf("%s, %s: dial", network, where);
	Samples native = {0}, dial = {0}, socat = {0};

	pin(bench.ipcfs.pid, cpu);
	pin(server->pid, cpu);
	pin(getpid(), cpu);
	for (int i = 0; i < ROUNDS; i++) {
		sample(&native, time_round_trip(server, way_native));
		sample(&dial, time_round_trip(server, way_dial));
		sample(&socat, time_round_trip(server, way_socat));
	}
	pin(bench.ipcfs.pid, -1);
	pin(getpid(), -1);
	print_figure(what, &dial, 1e6, "us");
	print_figure("  a native client", &native, 1e6, "us");
	print_figure("  socat between", &socat, 1e6, "us");
	print_ratio("  dial / native", median(&dial) / median(&native), 0);
	print_ratio("  dial / socat", median(&dial) / median(&socat), 0);
}

static void bench_trips(void)
{
	g_autofree char *path = outside_path("echo");
	Server server = {0};

	heading("64 bytes to a native server, and back");
	for (int tcp = 1; tcp >= 0; tcp--) {
		server_start(&server, tcp ? NULL : path, ECHO);
		compare_trips(tcp ? "tcp" : "unix", &server, "any core", -1);
		compare_trips(tcp ? "tcp" : "unix", &server, "one core", 0);
		server_end(&server);
	}
}

/* -- A socket bound in the tree -------------------------------------------------------------------------------------- */

static void bench_bound(void)
{
	g_autofree char *in = socket_path("unix", "bound"), *out = outside_path("bound");
	Server inside_server = {0}, outside_server = {0};
	Samples trips[2] = {0}, bytes[2] = {0};

	heading("A unix socket bound in the tree, and one outside, both with native ends");
	server_start(&inside_server, in, ECHO);
	server_start(&outside_server, out, ECHO);
	/* On one core, because the scheduler's placement of the servers would make a larger difference. */
	pin(inside_server.pid, 0);
	pin(outside_server.pid, 0);
	pin(getpid(), 0);
	for (int i = 0; i < ROUNDS * 2; i++) {
		sample(&trips[0], time_round_trip(&inside_server, way_native));
		sample(&trips[1], time_round_trip(&outside_server, way_native));
	}
	pin(getpid(), -1);
	server_end(&inside_server);
	server_end(&outside_server);
	server_start(&inside_server, in, SINK);
	server_start(&outside_server, out, SINK);
	for (int i = 0; i < ROUNDS; i++) {
		sample(&bytes[0], measure_upload(&inside_server, way_native, 64 << 10));
		sample(&bytes[1], measure_upload(&outside_server, way_native, 64 << 10));
	}
	server_end(&inside_server);
	server_end(&outside_server);
	print_figure("64 bytes there and back, one core, in the tree", &trips[0], 1e6, "us");
	print_figure("  outside", &trips[1], 1e6, "us");
	print_ratio("  in / out", median(&trips[0]) / median(&trips[1]), 1.0);
	print_figure("bytes in blocks of 64 KiB, in the tree", &bytes[0], 1e-6, "MB/s");
	print_figure("  outside", &bytes[1], 1e-6, "MB/s");
	print_share("  in / out", median(&bytes[0]) / median(&bytes[1]), 1.0);
}

/* -- Connections ----------------------------------------------------------------------------------------------------- */

/* Returns the connections per second. The server closes each connection at once. */
static double measure_connections(const Server *server, Way way)
{
	double start = now();

	for (int i = 0; i < CONNECTIONS; i++) {
		Ends ends = way(server, DOWN, 0);

		need(read(ends.out, buffer, 1) == 0, "read");
		ends_close(ends);
	}
	return CONNECTIONS / (now() - start);
}

static void bench_connections(void)
{
	g_autofree char *directory = socket_path("tcp", "bench"), *path = outside_path("close");
	Server native = {0}, inside_server = {0}, local = {0};
	Samples base = {0}, accepted = {0}, dialled = {0}, local_base = {0}, local_dialled = {0};

	heading("Connections that the server accepts and closes, one after the other");
	server_start(&native, NULL, CLOSE);
	server_start(&local, path, CLOSE);
	server_start_inside(&inside_server, directory);
	for (int i = 0; i < ROUNDS; i++) {
		sample(&base, measure_connections(&native, way_native));
		sample(&accepted, measure_connections(&inside_server, way_native));
		sample(&dialled, measure_connections(&native, way_dial));
		sample(&local_base, measure_connections(&local, way_native));
		sample(&local_dialled, measure_connections(&local, way_dial));
	}
	server_end(&native);
	server_end(&local);
	server_end(&inside_server);
	need(rmdir(directory) == 0, directory);
	print_figure("tcp: open and close of accept, a native client", &accepted, 1, "/s");
	print_figure("tcp: open and close of dial, a native server", &dialled, 1, "/s");
	print_figure("  both ends native", &base, 1, "/s");
	print_share("  accept / native", median(&accepted) / median(&base), 0);
	print_share("  dial / native", median(&dialled) / median(&base), 0);
	print_figure("unix: open and close of dial, a native server", &local_dialled, 1, "/s");
	print_figure("  both ends native", &local_base, 1, "/s");
	print_share("  dial / native", median(&local_dialled) / median(&local_base), 0);
}

/* -- The machine ------------------------------------------------------------------------------------------------------ */

static void loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	need(fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0, "the loopback interface");
	close(fd);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} sections[] = {
		{"bulk", bench_transfers},          {"trips", bench_trips}, {"bound", bench_bound},
		{"connections", bench_connections}, {"redis", bench_redis},
	};

	if (argc < 2) {
		fprintf(stderr, "usage: bench-sockets IPCFS [bulk|trips|bound|connections|redis]...\n");
		return 2;
	}
	need(unshare(CLONE_NEWIPC | CLONE_NEWNS | CLONE_NEWNET) == 0, "unshare");
	need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "making mounts private");
	loopback_up();
	bench.ipcfs_program = argv[1];
	bench.folder = g_dir_make_tmp("bench-XXXXXX", NULL);
	need(bench.folder != NULL && mount("tmpfs", bench.folder, "tmpfs", 0, NULL) == 0, "temporary folder");
	print_machine();
	start_ipcfs(&bench.ipcfs);
	for (size_t i = 0; i < G_N_ELEMENTS(sections); i++)
		if (argc == 2 || g_strv_contains((const char *const *)argv + 2, sections[i].name))
			sections[i].run();
	mounted_end(&bench.ipcfs);
	umount2(bench.folder, MNT_DETACH);
	g_rmdir(bench.folder);
	g_free(bench.folder);
	return 0;
}
