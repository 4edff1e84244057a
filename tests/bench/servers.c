/* The native servers, each in a process of its own, and the ways to connect to them: see servers.h. */
#include "servers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

#include "bench.h"

enum { LARGEST = 1 << 20 };
static char buffer[LARGEST] __attribute__((aligned(4096)));

/* -- Servers -------------------------------------------------------------------------------------------------------- */

static void serve_connection(int fd, Service service, int note)
{
	ssize_t n;

	if (service == SINK) {
		for (bool first = true; (n = read(fd, buffer, LARGEST)) > 0; first = false)
			if (first)
				need(write(note, "1", 1) == 1, "note");
		need(n == 0 && write(note, "0", 1) == 1, "read");
	}
	if (service == SOURCE)
		/* The client may close before the end. */
		for (size_t sent = 0; sent < BULK && (n = send(fd, buffer, LARGEST, MSG_NOSIGNAL)) > 0;)
			sent += (size_t)n;
	if (service == ECHO)
		while ((n = read(fd, buffer, LARGEST)) > 0)
			need(send(fd, buffer, (size_t)n, MSG_NOSIGNAL) == n, "send");
}

static int listen_at(Server *server, const char *path)
{
	struct sockaddr_in tcp = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	int fd = socket(path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	server->tcp = !path;
	server->length = path ? sizeof local : sizeof tcp;
	if (path) {
		g_strlcpy(local.sun_path, path, sizeof local.sun_path);
		need(bind(fd, (struct sockaddr *)&local, sizeof local) == 0, path);
		memcpy(&server->name, &local, sizeof local);
		g_strlcpy(server->address, path, sizeof server->address);
	} else {
		need(bind(fd, (struct sockaddr *)&tcp, sizeof tcp) == 0, "bind");
		need(getsockname(fd, (struct sockaddr *)&tcp, &server->length) == 0, "getsockname");
		memcpy(&server->name, &tcp, sizeof tcp);
		snprintf(server->address, sizeof server->address, "127.0.0.1:%d", ntohs(tcp.sin_port));
	}
	need(listen(fd, 1024) == 0, "listen");
	return fd;
}

/* Forks the process of the server. Returns true in that process. */
static bool fork_server(Server *server)
{
	server->pid = fork();
	need(server->pid >= 0, "fork");
	if (server->pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return server->pid == 0;
}

void server_start(Server *server, const char *path, Service service)
{
	int listener = listen_at(server, path), notes[2];

	need(pipe2(notes, O_CLOEXEC) == 0, "pipe2");
	server->noted = notes[0];
	while (fork_server(server)) {
		int fd;

		close(notes[0]);
		while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
			const int one = 1;

			if (server->tcp)
				setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
			serve_connection(fd, service, notes[1]);
			close(fd);
		}
		need(false, "accept");
	}
	close(listener);
	close(notes[1]);
}

static void write_ctl(const char *directory, const char *text)
{
	g_autofree char *path = g_build_filename(directory, "ctl", NULL);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	need(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0, text);
}

void server_start_inside(Server *server, const char *directory)
{
	g_autofree char *local = g_build_filename(directory, "local", NULL);
	g_autofree char *accept_path = g_build_filename(directory, "accept", NULL);
	g_autofree char *text = NULL;
	struct sockaddr_in tcp = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	need(mkdir(directory, 0700) == 0, directory);
	write_ctl(directory, "announce 127.0.0.1:0");
	need(g_file_get_contents(local, &text, NULL, NULL), local);
	tcp.sin_port = htons((uint16_t)atoi(strrchr(text, ':') + 1));
	memcpy(&server->name, &tcp, sizeof tcp);
	server->length = sizeof tcp;
	server->tcp = true;
	server->noted = -1;
	g_strlcpy(server->address, g_strstrip(text), sizeof server->address);
	while (fork_server(server)) {
		int fd;

		while ((fd = open(accept_path, O_RDWR | O_CLOEXEC)) >= 0)
			close(fd);
		need(false, accept_path);
	}
}

void server_end(Server *server)
{
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
	if (server->noted >= 0)
		close(server->noted);
	if (!server->tcp)
		unlink(server->address);
}

void server_wait(const Server *server)
{
	char note;

	need(read(server->noted, &note, 1) == 1, "note of the server");
}

/* -- Ways to a server ------------------------------------------------------------------------------------------------ */

Ends way_native(const Server *server, Use use, size_t block)
{
	const int fd = socket(server->name.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	(void)use;
	(void)block;
	need(connect(fd, (const struct sockaddr *)&server->name, server->length) == 0, "connect");
	if (server->tcp)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return (Ends){.in = fd, .out = fd};
}

Ends way_dial(const Server *server, Use use, size_t block)
{
	g_autofree char *path = g_build_filename(bench.ipcfs.mountpoint, "socket", server->tcp ? "tcp" : "unix", "dial",
						 server->address, NULL);
	const int fd = open(path, (use == UP ? O_WRONLY : use == DOWN ? O_RDONLY : O_RDWR) | O_CLOEXEC);

	(void)block;
	need(fd >= 0, path);
	return (Ends){.in = fd, .out = fd};
}

/* Starts socat with these descriptors as its standard input and output. Returns its pid. */
static pid_t start_socat(const Server *server, Use use, size_t block, int input, int output)
{
	g_autofree char *address = g_strdup_printf("%s:%s", server->tcp ? "TCP" : "UNIX-CONNECT", server->address);
	g_autofree char *size = g_strdup_printf("%zu", block);
	pid_t pid = fork();

	need(pid >= 0, "fork");
	if (pid)
		return pid;
	dup2(input, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	if (server->tcp && use == BOTH)
		execlp("socat", "socat", "-b", size, "-", g_strconcat(address, ",nodelay", NULL), (char *)NULL);
	else if (use == BOTH)
		execlp("socat", "socat", "-b", size, "-", address, (char *)NULL);
	else
		execlp("socat", "socat", "-u", "-b", size, use == UP ? "-" : address, use == UP ? address : "-",
		       (char *)NULL);
	_exit(127);
}

Ends way_socat(const Server *server, Use use, size_t block)
{
	int ends[2];
	Ends result = {.in = -1, .out = -1};

	if (use == BOTH)
		need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
	else
		need(pipe2(ends, O_CLOEXEC) == 0, "pipe2");
	if (use == UP) {
		result.in = ends[1];
		result.relay = start_socat(server, use, block, ends[0], STDOUT_FILENO);
		close(ends[0]);
	} else {
		result.out = ends[0];
		result.in = use == BOTH ? ends[0] : -1;
		result.relay = start_socat(server, use, block, ends[1], ends[1]);
		close(ends[1]);
	}
	return result;
}

void ends_close(Ends ends)
{
	if (ends.in >= 0)
		close(ends.in);
	if (ends.out >= 0 && ends.out != ends.in)
		close(ends.out);
	if (ends.relay)
		need(waitpid(ends.relay, NULL, 0) == ends.relay, "waitpid");
}
