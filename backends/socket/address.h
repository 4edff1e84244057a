/* The addresses of sockets, and how they are written: as Go does it. */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "backends/socket/network.h"

typedef struct Address {
	socklen_t length; /* 0: there is none */
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un local;
		struct sockaddr_storage storage;
	};
} Address;

enum { ADDRESS_TEXT_MAX = 512 };

/*
 * Prints an address: "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80", without port and brackets on ip; "/run/app.sock",
 * "@abstract". A v4-mapped address is printed as v4. What would break a line of text, in a name of a unix socket, is printed
 * as \ooo. Nothing where there is no address. `text` has room for ADDRESS_TEXT_MAX bytes and a '\0'; returns the length.
 */
size_t address_print(const Network *network, const Address *address, char *text);

/* Where the host and the port of "host:port", "[v6]:port" and, on ip, "host" are; without brackets. */
typedef struct AddressParts {
	char host[256]; /* "" : none given */
	char port[64];  /* "" on ip */
} AddressParts;

/*
 * Takes "host:port" apart. -EINVAL, the reason noted, if it cannot be meant as one on this network. `passive`: to be called
 * at, where no host, or "*", means any.
 */
int address_split(const Network *network, const char *text, bool passive, AddressParts *out);

/*
 * Reads an address that needs no look-up: numeric hosts and ports, paths, @names (\ooo as printed). 0; -EAGAIN: it names a
 * host or a service; -EINVAL, -ENAMETOOLONG with the reason noted. Any host, where `passive`, is the v6 one: it takes v4 as well.
 */
int address_parse(const Network *network, const char *text, bool passive, Address *out);
