/*
 * Socket addresses and their text form, which is Go's. Used by every file of this folder that prints or reads an
 * address.
 */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "backends/socket/network.h"

typedef struct Address {
	socklen_t length; /* 0: no address */
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
 * Prints an address: "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80"; on ip without port and brackets; "/run/app.sock",
 * "@abstract". A v4-mapped address is printed as IPv4. In the name of a unix socket, bytes that would break a line of
 * text are printed as \ooo. No address prints as nothing. `text` has room for ADDRESS_TEXT_MAX bytes and a '\0'.
 * Returns the length.
 */
size_t address_print(const Network *network, const Address *address, char *text);

/* The host and the port of "host:port" or "[v6]:port", and the host of an address on ip. Brackets are removed. */
typedef struct AddressParts {
	char host[256]; /* "": none given */
	char port[64];  /* "" on ip */
} AddressParts;

/*
 * Splits "host:port". -EINVAL, the reason noted: the text cannot be an address of this network. `passive`: the
 * address is one to bind to, so that no host, or "*", means any address of this machine.
 */
int address_split(const Network *network, const char *text, bool passive, AddressParts *out);

/*
 * Parses an address that needs no look-up: numeric hosts and ports, paths, @names (\ooo as printed). 0; -EAGAIN: a
 * host or a service has to be looked up; -EINVAL or -ENAMETOOLONG, the reason noted. With `passive`, any host is the
 * IPv6 one, whose socket accepts IPv4 as well.
 */
int address_parse(const Network *network, const char *text, bool passive, Address *out);

/*
 * Whether the IP protocol `protocol` of a raw network uses addresses of this family: 0, or -EAFNOSUPPORT with the
 * reason noted.
 */
int address_check_family(const Network *network, int protocol, const Address *address);
