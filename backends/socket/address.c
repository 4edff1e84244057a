/* Printing and parsing of socket addresses (address.h). No state and no lock: any thread may call these functions. */
#include "backends/socket/address.h"

#include <errno.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "backends/core/parse.h"
#include "backends/core/refusal.h"

/* -- Printing ------------------------------------------------------------------------------------------------------ */

static size_t print_local(const Address *address, char *text)
{
	const char *path = address->local.sun_path;
	size_t length = address->length - offsetof(struct sockaddr_un, sun_path), at = 0, n = 0;

	if (address->length <= offsetof(struct sockaddr_un, sun_path))
		return 0;
	if (path[0] == '\0') {
		text[n++] = '@';
		at = 1;
	} else {
		length = strnlen(path, length);
	}
	for (; at < length; at++) {
		unsigned char byte = (unsigned char)path[at];

		/* A path that begins with @ would be read back as an abstract name. */
		if (byte < ' ' || byte == 127 || byte == '\\' || (byte == '@' && n == 0))
			n += (size_t)sprintf(text + n, "\\%03o", byte);
		else
			text[n++] = (char)byte;
	}
	return n;
}

/* The IPv4 address inside a v4-mapped address; any other address unchanged. */
static Address unmapped(const Address *address)
{
	Address v4 = {.length = sizeof v4.v4};

	if (address->any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr))
		return *address;
	v4.v4.sin_family = AF_INET;
	v4.v4.sin_port = address->v6.sin6_port;
	memcpy(&v4.v4.sin_addr, address->v6.sin6_addr.s6_addr + 12, 4);
	return v4;
}

static size_t print_internet(const Network *network, const Address *given, char *text)
{
	const Address address = unmapped(given);
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getnameinfo(&address.any, address.length, host, sizeof host, port, sizeof port,
			NI_NUMERICHOST | NI_NUMERICSERV))
		return 0;
	if (!network->ports)
		return (size_t)g_strlcpy(text, host, ADDRESS_TEXT_MAX + 1);
	return (size_t)snprintf(text, ADDRESS_TEXT_MAX + 1, address.any.sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s",
				host, port);
}

size_t address_print(const Network *network, const Address *address, char *text)
{
	size_t n = 0;

	if (address->length > 0 && network->local)
		n = print_local(address, text);
	else if (address->any.sa_family == AF_INET || address->any.sa_family == AF_INET6)
		n = print_internet(network, address, text);
	text[n] = '\0';
	return n;
}

/* -- Parsing ------------------------------------------------------------------------------------------------------- */

/* Replaces each \ooo by its byte. Returns the number of bytes; -1: malformed, or more than `size` bytes. */
static ssize_t unescape(const char *text, char *out, size_t size)
{
	size_t n = 0;

	while (*text) {
		int byte = (unsigned char)*text++;

		if (byte == '\\') {
			byte = 0;
			for (int digit = 0; digit < 3; digit++, text++) {
				if (*text < '0' || *text > '7')
					return -1;
				byte = byte * 8 + (*text - '0');
			}
		}
		if (byte > 255 || n >= size)
			return -1;
		out[n++] = (char)byte;
	}
	return (ssize_t)n;
}

static int parse_local(const char *text, bool passive, Address *out)
{
	const bool abstract = text[0] == '@';
	Address address = {0};
	char *path = address.local.sun_path;
	size_t room = sizeof address.local.sun_path - 1;
	ssize_t n = unescape(abstract ? text + 1 : text, abstract ? path + 1 : path, room);

	if (!abstract && text[0] != '/')
		return refuse(EINVAL, "malformed address: write a path from / on, or @NAME for an abstract name");
	if (n < 0 && strchr(text, '\\'))
		return refuse(EINVAL, "invalid name: write a backslash as \\134, and at most %zu bytes", room);
	if (n < 0)
		return refuse(ENAMETOOLONG, "name is too long: a unix socket name has at most %zu bytes", room);
	if (!abstract && memchr(path, '\0', (size_t)n))
		return refuse(EINVAL, "path contains a zero byte: remove \\000");
	if (abstract && n == 0 && !passive)
		return refuse(EINVAL, "@ alone is valid only for announce and bind: write @NAME");
	address.local.sun_family = AF_UNIX;
	address.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n + 1);
	if (abstract && n == 0)
		address.length = sizeof address.local.sun_family;
	*out = address;
	return 0;
}

static int refuse_form(const Network *network)
{
	return network->ports ? refuse(EINVAL, "malformed address: write HOST:PORT, or [HOST]:PORT for IPv6") :
				refuse(EINVAL, "malformed address: write the name or the number of a host");
}

/* Letters, digits and the punctuation of host names and numeric hosts; % precedes the zone of an IPv6 address. */
static bool is_host(const char *host)
{
	for (; *host; host++)
		if (!g_ascii_isalnum(*host) && !strchr(".-_:%", *host))
			return false;
	return true;
}

static bool is_port(const char *port)
{
	for (const char *at = port; *at; at++)
		if (!g_ascii_isalnum(*at) && !strchr("-_+.", *at))
			return false;
	return *port;
}

int address_split(const Network *network, const char *text, bool passive, AddressParts *out)
{
	const char *colon = network->ports ? strrchr(text, ':') : NULL;
	const char *host = text, *end = colon ? colon : text + strlen(text);
	AddressParts parts = {0};

	if (network->ports && !colon)
		return refuse_form(network);
	if (*host == '[') {
		if (end - host < 2 || end[-1] != ']')
			return refuse_form(network);
		host++, end--;
	} else if (network->ports && memchr(host, ':', (size_t)(end - host))) {
		return refuse(EINVAL, "IPv6 address without brackets: write [%.*s]:%s", (int)(end - host), host,
			      colon + 1);
	}
	if ((size_t)(end - host) >= sizeof parts.host || (colon && strlen(colon + 1) >= sizeof parts.port))
		return refuse_form(network);
	memcpy(parts.host, host, (size_t)(end - host));
	if (colon)
		g_strlcpy(parts.port, colon + 1, sizeof parts.port);
	if (passive && strcmp(parts.host, "*") == 0)
		parts.host[0] = '\0';
	if (!is_host(parts.host) || (network->ports && !is_port(parts.port)))
		return refuse_form(network);
	/* As in Go: without a host the address is on this machine. */
	if (!passive && !parts.host[0])
		g_strlcpy(parts.host, "localhost", sizeof parts.host);
	*out = parts;
	return 0;
}

static void any_address(int64_t port, Address *out)
{
	*out = (Address){.length = sizeof out->v6};
	out->v6.sin6_family = AF_INET6;
	out->v6.sin6_port = htons((uint16_t)port);
}

static int parse_internet(const Network *network, const char *text, bool passive, Address *out)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = network->type};
	struct addrinfo *found;
	AddressParts parts;
	int64_t port = 0;
	int result = address_split(network, text, passive, &parts);

	if (result < 0)
		return result;
	if (network->ports && !parse_number(parts.port, 0, 65535, &port)) {
		if (g_ascii_isdigit(parts.port[0]))
			return refuse(EINVAL, "invalid port: write a number from 0 to 65535, or the name of a service");
		return -EAGAIN;
	}
	if (!parts.host[0]) {
		any_address(port, out);
		return 0;
	}
	if (getaddrinfo(parts.host, network->ports ? parts.port : NULL, &hints, &found))
		return -EAGAIN;
	*out = (Address){.length = found->ai_addrlen};
	memcpy(&out->storage, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return 0;
}

int address_parse(const Network *network, const char *text, bool passive, Address *out)
{
	return network->local ? parse_local(text, passive, out) : parse_internet(network, text, passive, out);
}

int address_check_family(const Network *network, int protocol, const Address *address)
{
	if (network->type != SOCK_RAW)
		return 0;
	if (protocol == IPPROTO_ICMP && address->any.sa_family != AF_INET)
		return refuse(EAFNOSUPPORT, "icmp needs an IPv4 address: use ipv6-icmp for IPv6");
	if (protocol == IPPROTO_ICMPV6 && address->any.sa_family != AF_INET6)
		return refuse(EAFNOSUPPORT, "ipv6-icmp needs an IPv6 address: use icmp for IPv4");
	return 0;
}
