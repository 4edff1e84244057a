/*
 * One socket option: its value as text, and setsockopt(2) and getsockopt(2) for it. Used by options.c and
 * option_files.c.
 */
#pragma once

#include "backends/socket/socket.h"

typedef enum OptionForm {
	FLAG,
	NUMBER,
	SIZE,
	LINGER,
	DEVICE,
	OUTGOING, /* the interface that sends multicasts */
	BACKLOGS, /* an argument of listen(2), not a socket option */
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

/* level and option are for IPv4 and all other sockets; level6 and option6 are for IPv6 sockets if those differ. */
typedef struct Option {
	const char *name;
	OptionForm form;
	int level, option, level6, option6;
} Option;

extern const Option socket_options[OPTIONS];

/* The value of a text: a number, or for some forms a word, which points into the text. */
typedef struct OptionValue {
	int number;
	const char *word;
} OptionValue;

/* 0, or -EINVAL with the reason noted. */
int option_parse(const Option *option, const char *text, OptionValue *out);

/* Sets it with the thread's credentials, which the kernel checks. 0 or a negative errno. */
int option_set(const Option *option, int fd, int family, const OptionValue *value);

/* Prints the kernel's value and a newline. Not for OUTGOING, BACKLOGS, JOIN and LEAVE. 0 or a negative errno. */
int option_print(const Option *option, int fd, int family, GString *out);

/* Notes what errno `error` means for this option, and returns -error. */
int option_refuse(const Option *option, int error);
