/* The other end of the sockets that are measured: native servers, each a process of its own, and the ways to reach them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

enum { BULK = 256 << 20 }; /* bytes of one transfer */

/* What a server does with each connection, one after the other, and then closes it. */
typedef enum Service {
	ECHO,   /* answers each read with what it has read */
	SINK,   /* reads to the end */
	SOURCE, /* writes BULK bytes */
	CLOSE,  /* nothing */
} Service;

typedef struct Server {
	pid_t pid;
	bool tcp;
	char address[128]; /* "127.0.0.1:40123" or a path */
	struct sockaddr_storage name;
	socklen_t length;
	int noted; /* a byte is to be read here when a SINK has its first byte, and one at the end */
} Server;

/* Listens on a unix socket at `path`, or on a free port of 127.0.0.1 where that is NULL. */
void server_start(Server *server, const char *path, Service service);

/* The same on a conversation of ipcfs: its process opens `accept` in this directory again and again. Service CLOSE. */
void server_start_inside(Server *server, const char *directory);

void server_end(Server *server);

/* Reads a byte that the server notes. */
void server_wait(const Server *server);

/* Where one writes to the server and reads from it: the same descriptor, but where socat stands between. */
typedef struct Ends {
	int in, out;
	pid_t relay; /* 0: nobody */
} Ends;

typedef enum Use { UP, DOWN, BOTH } Use;

/* A way to a server. `block`: bytes that are moved at a time. */
typedef Ends (*Way)(const Server *server, Use use, size_t block);

Ends way_native(const Server *server, Use use, size_t block);
Ends way_dial(const Server *server, Use use, size_t block);  /* socket/NETWORK/dial/ADDRESS */
Ends way_socat(const Server *server, Use use, size_t block); /* and pipes, or for BOTH a socket pair, to it */

void ends_close(Ends ends);
