/*
 * Servers for the benchmarks of sockets, each in a process of its own, and three ways to connect to one: a native
 * socket, the file `dial`, and socat.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

enum { BULK = 256 << 20 }; /* bytes of one transfer */

/* The work of a server for each connection. It serves one connection at a time, and then closes it. */
typedef enum Service {
	ECHO,   /* sends back the bytes of each read */
	SINK,   /* reads up to end of file */
	SOURCE, /* writes BULK bytes */
	CLOSE,  /* nothing */
} Service;

typedef struct Server {
	pid_t pid;
	bool tcp;
	char address[128]; /* "127.0.0.1:40123" or a path */
	struct sockaddr_storage name;
	socklen_t length;
	int noted; /* a SINK writes a byte to this pipe after its first read, and one after end of file */
} Server;

/* Starts a server on a unix socket at `path`, or on a free port of 127.0.0.1 if `path` is NULL. */
void server_start(Server *server, const char *path, Service service);

/*
 * Starts a server of the service CLOSE on a conversation of ipcfs. Its process opens `accept` of this directory in a
 * loop.
 */
void server_start_inside(Server *server, const char *directory);

void server_end(Server *server);

/* Waits for the next byte in `noted`. */
void server_wait(const Server *server);

/* The descriptors for writing to the server and for reading from it. Without socat, both are the same descriptor. */
typedef struct Ends {
	int in, out;
	pid_t relay; /* the pid of socat; 0: none */
} Ends;

typedef enum Use { UP, DOWN, BOTH } Use;

/* Connects to a server. `block`: bytes per read or write. */
typedef Ends (*Way)(const Server *server, Use use, size_t block);

Ends way_native(const Server *server, Use use, size_t block);
Ends way_dial(const Server *server, Use use, size_t block);  /* socket/NETWORK/dial/ADDRESS */
Ends way_socat(const Server *server, Use use, size_t block); /* socat, with a pipe to it, or for BOTH a socket pair */

void ends_close(Ends ends);
