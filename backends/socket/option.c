/* The table of socket options, and their values as text (option.h). No state and no lock. */
#include "backends/socket/option.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <string.h>

#include "backends/core/parse.h"
#include "backends/core/refusal.h"
#include "backends/core/text.h"

/* clang-format off */
const Option socket_options[OPTIONS] = {
	[NODELAY] = {"nodelay", FLAG, IPPROTO_TCP, TCP_NODELAY},
	[KEEPALIVE] = {"keepalive", FLAG, SOL_SOCKET, SO_KEEPALIVE},
	[KEEPIDLE] = {"keepidle", NUMBER, IPPROTO_TCP, TCP_KEEPIDLE},
	[KEEPINTVL] = {"keepintvl", NUMBER, IPPROTO_TCP, TCP_KEEPINTVL},
	[KEEPCNT] = {"keepcnt", NUMBER, IPPROTO_TCP, TCP_KEEPCNT},
	[USER_TIMEOUT] = {"user_timeout", NUMBER, IPPROTO_TCP, TCP_USER_TIMEOUT},
	[CORK] = {"cork", FLAG, IPPROTO_TCP, TCP_CORK},
	[MAXSEG] = {"maxseg", NUMBER, IPPROTO_TCP, TCP_MAXSEG},
	[REUSEADDR] = {"reuseaddr", FLAG, SOL_SOCKET, SO_REUSEADDR},
	[REUSEPORT] = {"reuseport", FLAG, SOL_SOCKET, SO_REUSEPORT},
	[BROADCAST] = {"broadcast", FLAG, SOL_SOCKET, SO_BROADCAST},
	[RCVBUF] = {"rcvbuf", SIZE, SOL_SOCKET, SO_RCVBUF},
	[SNDBUF] = {"sndbuf", SIZE, SOL_SOCKET, SO_SNDBUF},
	[RCVLOWAT] = {"rcvlowat", SIZE, SOL_SOCKET, SO_RCVLOWAT},
	[TTL] = {"ttl", NUMBER, IPPROTO_IP, IP_TTL, IPPROTO_IPV6, IPV6_UNICAST_HOPS},
	[TOS] = {"tos", NUMBER, IPPROTO_IP, IP_TOS, IPPROTO_IPV6, IPV6_TCLASS},
	[V6ONLY] = {"v6only", FLAG, 0, 0, IPPROTO_IPV6, IPV6_V6ONLY},
	[OOBINLINE] = {"oobinline", FLAG, SOL_SOCKET, SO_OOBINLINE},
	[DONTROUTE] = {"dontroute", FLAG, SOL_SOCKET, SO_DONTROUTE},
	[PRIORITY] = {"priority", NUMBER, SOL_SOCKET, SO_PRIORITY},
	[MARK] = {"mark", NUMBER, SOL_SOCKET, SO_MARK},
	[BINDTODEVICE] = {"bindtodevice", DEVICE, SOL_SOCKET, SO_BINDTODEVICE},
	[LINGERS] = {"linger", LINGER, SOL_SOCKET, SO_LINGER},
	[MULTICAST_TTL] = {"multicast_ttl", NUMBER, IPPROTO_IP, IP_MULTICAST_TTL, IPPROTO_IPV6, IPV6_MULTICAST_HOPS},
	[MULTICAST_LOOP] = {"multicast_loop", FLAG, IPPROTO_IP, IP_MULTICAST_LOOP, IPPROTO_IPV6, IPV6_MULTICAST_LOOP},
	[MULTICAST_IF] = {"multicast_if", OUTGOING, IPPROTO_IP, IP_MULTICAST_IF, IPPROTO_IPV6, IPV6_MULTICAST_IF},
	[HDRINCL] = {"hdrincl", FLAG, IPPROTO_IP, IP_HDRINCL, IPPROTO_IPV6, IPV6_HDRINCL},
	[JOINS] = {"join", JOIN},
	[LEAVES] = {"leave", LEAVE},
	[BACKLOG_SIZE] = {"backlog", BACKLOGS},
};
/* clang-format on */

int option_refuse(const Option *option, int error)
{
	if (error == EPERM)
		return refuse(EPERM, "this value of %s needs CAP_NET_ADMIN", option->name);
	if (error == ENODEV)
		return refuse(ENODEV, "no such network interface: see ip link");
	return refuse(error, "the kernel refuses this value of %s: %s", option->name, g_strerror(error));
}

/* -- Values as text ------------------------------------------------------------------------------------------------ */

static bool parse_flag(const char *text, int *out)
{
	if (strcmp(text, "on") == 0 || strcmp(text, "1") == 0)
		*out = 1;
	else if (strcmp(text, "off") == 0 || strcmp(text, "0") == 0)
		*out = 0;
	else
		return false;
	return true;
}

int option_parse(const Option *option, const char *text, OptionValue *out)
{
	int64_t number = 0;

	*out = (OptionValue){.word = text};
	switch (option->form) {
	case FLAG:
		if (!parse_flag(text, &out->number))
			return refuse(EINVAL, "invalid value: %s is 1 or 0 (on or off)", option->name);
		return 0;
	case NUMBER:
		/* mark is an unsigned number of 32 bits. */
		if (!parse_number(text, INT32_MIN, UINT32_MAX, &number))
			return refuse(EINVAL, "invalid value: %s is a number", option->name);
		break;
	case SIZE:
	case BACKLOGS:
		if (!parse_size(text, 0, INT32_MAX, &number))
			return refuse(EINVAL, "invalid value: %s is a number, such as 65536 or 64K", option->name);
		break;
	case LINGER:
		if (strcmp(text, "off") != 0 && strcmp(text, "0") != 0)
			return refuse(EINVAL, "invalid value: linger is off, or 0 for a reset; no close waits here");
		number = *text == '0' ? 0 : -1;
		break;
	case DEVICE:
	case OUTGOING:
		if (strlen(text) >= IFNAMSIZ)
			return refuse(EINVAL, "invalid value: %s is a network interface, or empty", option->name);
		break;
	case JOIN:
	case LEAVE:
		break;
	}
	out->number = (int)number;
	return 0;
}

/* Parses "239.1.2.3" or "ff02::123"; the name of an interface may follow after a %. */
static int group_parse(const char *text, struct group_req *out)
{
	g_auto(GStrv) parts = g_strsplit(text, "%", 2);
	struct sockaddr_in *v4 = (struct sockaddr_in *)&out->gr_group;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->gr_group;

	*out = (struct group_req){0};
	if (parts[0] && inet_pton(AF_INET, parts[0], &v4->sin_addr) == 1)
		v4->sin_family = AF_INET;
	else if (parts[0] && inet_pton(AF_INET6, parts[0], &v6->sin6_addr) == 1)
		v6->sin6_family = AF_INET6;
	else
		return refuse(EINVAL, "malformed group: write an address like 239.1.2.3 or ff02::123%%eth0");
	if (parts[1] && !(out->gr_interface = if_nametoindex(parts[1])))
		return refuse(ENODEV, "no network interface %s: see ip link", parts[1]);
	return 0;
}

/* -- Setting and getting ------------------------------------------------------------------------------------------- */

static int set_raw(int fd, int level, int option, const void *value, size_t size)
{
	return setsockopt(fd, level, option, value, (socklen_t)size) < 0 ? -errno : 0;
}

static int set_outgoing(int fd, int family, const char *name)
{
	const struct ip_mreqn v4 = {.imr_ifindex = *name ? (int)if_nametoindex(name) : 0};
	int result = 0;

	if (*name && v4.imr_ifindex == 0)
		return -ENODEV;
	if (family == AF_INET6)
		result = set_raw(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &v4.imr_ifindex, sizeof v4.imr_ifindex);
	if (family == AF_INET)
		return set_raw(fd, IPPROTO_IP, IP_MULTICAST_IF, &v4, sizeof v4);
	set_raw(fd, IPPROTO_IP, IP_MULTICAST_IF, &v4, sizeof v4); /* for messages to IPv4 addresses */
	return result;
}

static int set_group(int fd, int option, const char *text)
{
	struct group_req request;
	int result = group_parse(text, &request);

	if (result < 0)
		return result;
	return set_raw(fd, request.gr_group.ss_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, option, &request,
		       sizeof request);
}

int option_set(const Option *option, int fd, int family, const OptionValue *value)
{
	const struct linger linger = {.l_onoff = value->number >= 0, .l_linger = 0};
	int result;

	switch (option->form) {
	case LINGER:
		return set_raw(fd, option->level, option->option, &linger, sizeof linger);
	case DEVICE:
		return set_raw(fd, option->level, option->option, value->word, strlen(value->word));
	case OUTGOING:
		return set_outgoing(fd, family, value->word);
	case JOIN:
		return set_group(fd, MCAST_JOIN_GROUP, value->word);
	case LEAVE:
		return set_group(fd, MCAST_LEAVE_GROUP, value->word);
	case BACKLOGS:
		return 0;
	default:
		break;
	}
	if (family != AF_INET6 || !option->level6)
		return option->option ?
			       set_raw(fd, option->level, option->option, &value->number, sizeof value->number) :
			       0;
	result = set_raw(fd, option->level6, option->option6, &value->number, sizeof value->number);
	/* The IPv4 side of an IPv6 socket has an option of its own. Setting it fails if the socket is for IPv6 only. */
	if (result == 0 && option->option)
		set_raw(fd, option->level, option->option, &value->number, sizeof value->number);
	return result;
}

static int print_number(const Option *option, int fd, int family, GString *out)
{
	bool six = family == AF_INET6 && option->level6;
	socklen_t size = sizeof(int);
	int value = 0;

	if (!six && !option->option)
		return 0; /* v6only of an IPv4 socket */
	if (getsockopt(fd, six ? option->level6 : option->level, six ? option->option6 : option->option, &value,
		       &size) < 0)
		return -errno;
	text_number(out, option->option == SO_MARK && option->level == SOL_SOCKET ? (long long)(uint32_t)value : value);
	return 0;
}

static int print_linger(int fd, GString *out)
{
	struct linger linger = {0};
	socklen_t size = sizeof linger;

	if (getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &size) < 0)
		return -errno;
	if (linger.l_onoff)
		text_number(out, linger.l_linger);
	else
		g_string_append(out, "off\n");
	return 0;
}

static int print_device(int fd, GString *out)
{
	char name[IFNAMSIZ] = "";
	socklen_t size = sizeof name;

	if (getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &size) < 0)
		return -errno;
	g_string_append_printf(out, "%s\n", name);
	return 0;
}

int option_print(const Option *option, int fd, int family, GString *out)
{
	if (option->form == LINGER)
		return print_linger(fd, out);
	if (option->form == DEVICE)
		return print_device(fd, out);
	return print_number(option, fd, family, out);
}
