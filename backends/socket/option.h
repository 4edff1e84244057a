/* One socket option as a file: its value as text, and what setsockopt(2) and getsockopt(2) make of it. */
#pragma once

#include "backends/socket/socket.h"

typedef enum OptionForm {
	FLAG,
	NUMBER,
	SIZE,
	LINGER,
	DEVICE,
	OUTGOING, /* the device of multicasts */
	BACKLOGS, /* of listen(2), no option of a socket */
	JOIN,
	LEAVE
} OptionForm;

enum {
	NODELAY,
	KEEPALIVE,
	KEEPIDLE,
	KEEPINTVL,
	KEEPCNT,
	USER_TIMEOUT,
	CORK,
	MAXSEG,
	REUSEADDR,
	REUSEPORT,
	BROADCAST,
	RCVBUF,
	SNDBUF,
	RCVLOWAT,
	TTL,
	TOS,
	V6ONLY,
	OOBINLINE,
	DONTROUTE,
	PRIORITY,
	MARK,
	BINDTODEVICE,
	LINGERS,
	MULTICAST_TTL,
	MULTICAST_LOOP,
	MULTICAST_IF,
	HDRINCL,
	JOINS,
	LEAVES,
	BACKLOG_SIZE,
	OPTIONS
};

/* Of IPv4 sockets and all others, and of IPv6 ones where that is another. */
typedef struct Option {
	const char *name;
	OptionForm form;
	int level, option, level6, option6;
} Option;

extern const Option socket_options[OPTIONS];

/* What a text says: a number, or for some forms a word, which stays the text's. */
typedef struct OptionValue {
	int number;
	const char *word;
} OptionValue;

/* 0, or -EINVAL with the reason noted. */
int option_parse(const Option *option, const char *text, OptionValue *out);

/* Sets it, by the kernel's verdict for whom this thread plays. 0 or a negative errno. */
int option_set(const Option *option, int fd, int family, const OptionValue *value);

/* Prints what the kernel says, a line; not of OUTGOING, BACKLOGS, JOIN, LEAVE. 0 or a negative errno. */
int option_print(const Option *option, int fd, int family, GString *out);

/* Notes in words what errno `error` means for it, and returns -error. */
int option_refuse(const Option *option, int error);
