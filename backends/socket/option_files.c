/*
 * The files of options/: reading and setting one option of a conversation.
 *
 * fs/ calls option_show() and option_store() on any thread, a store with the caller's credentials. The calls do not
 * sleep.
 *
 * Locking: none of its own. The socket is used through a reference. A store may run while the conversation gets
 * another socket, so option_store() sets the value again in that case.
 */
#include "backends/socket/option_files.h"

#include <errno.h>
#include <unistd.h>

#include "backends/core/credentials.h"
#include "backends/core/refusal.h"
#include "backends/core/text.h"
#include "backends/socket/conversation.h"

/*
 * Makes a socket to try an option on, or to read a default. Made with the daemon's credentials, because it serves for
 * nothing else. Returns a descriptor or a negative errno.
 */
static int make_trial_socket(const Conversation *conversation, int *family)
{
	const Network *network = conversation->network;
	const bool raw = network->type == SOCK_RAW;
	int fd;

	*family = network->local ? AF_UNIX : raw && conversation->protocol != IPPROTO_ICMPV6 ? AF_INET : AF_INET6;
	creds_raise();
	fd = socket(*family, network->type | SOCK_CLOEXEC, conversation->protocol);
	if (fd < 0 && errno == EAFNOSUPPORT && !network->local) {
		*family = AF_INET;
		fd = socket(*family, network->type | SOCK_CLOEXEC, conversation->protocol);
	}
	creds_lower();
	return fd < 0 ? -errno : fd;
}

static int show_value(Options *options, const Option *option, int fd, int family, GString *out)
{
	Options copy;

	switch (option->form) {
	case OUTGOING:
	case JOIN:
		copy = options_copy(options);
		if (option->form == OUTGOING)
			g_string_append_printf(out, "%s\n", copy.outgoing);
		for (guint i = 0; option->form == JOIN && copy.groups && i < copy.groups->len; i++)
			g_string_append_printf(out, "%s\n", (const char *)copy.groups->pdata[i]);
		options_clear(&copy);
		return 0;
	case BACKLOGS:
		text_number(out, options_backlog(options));
		return 0;
	default:
		return option_print(option, fd, family, out);
	}
}

static int option_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	Entry *entry = conversation_get(object);
	Options copy = {0};
	Socket *socket;
	int fd, family, result;

	if (!entry)
		return -ENOENT;
	socket = conversation_socket(entry, NULL);
	if (socket) {
		fd = socket->fd;
		family = socket->family;
	} else {
		fd = make_trial_socket(entry->data, &family);
		copy = options_copy(&conversation_of(entry)->options);
	}
	result = fd < 0 ? fd : 0;
	/* A value that can no longer be set fails when the next socket is made. */
	if (result == 0 && !socket)
		options_set(&copy, fd, family);
	if (result == 0)
		result = show_value(&conversation_of(entry)->options, &socket_options[desc->which], fd, family, out);
	if (!socket && fd >= 0)
		close(fd);
	options_clear(&copy);
	socket_unref(socket);
	conversation_unref(entry);
	return result;
}

/* Has the kernel check a value, and sets it if there is a socket. */
static int store_value(Entry *entry, const Option *option, const OptionValue *value, Socket *socket)
{
	int family = socket ? socket->family : 0;
	int fd = socket ? socket->fd : make_trial_socket(entry->data, &family), result;
	Stage stage;

	if (fd < 0)
		return fd;
	if (option->form == LEAVE && !socket)
		result = 0; /* the list of joined groups knows it */
	else if (!option->option && option->level6 && family != AF_INET6)
		result = refuse(ENOPROTOOPT, "socket is of IPv4: the option is for IPv6");
	else
		result = option_set(option, fd, family, value);
	if (result == 0 && option->form == BACKLOGS && socket) {
		socket_unref(conversation_socket(entry, &stage));
		if (stage == STAGE_ANNOUNCED && listen(fd, value->number) < 0)
			result = -errno;
	}
	if (!socket)
		close(fd);
	return result;
}

static int option_store(const FileDesc *desc, const Object *object, const char *text)
{
	const Option *option = &socket_options[desc->which];
	Entry *entry = conversation_get(object);
	Socket *socket = NULL, *current;
	OptionValue value;
	int result = entry ? option_parse(option, text, &value) : -ENOENT;

	/* Again, if the conversation got another socket meanwhile, which may not have the value. */
	for (bool again = true; result == 0 && again; again = current != NULL && current != socket) {
		socket_unref(socket);
		socket = conversation_socket(entry, NULL);
		result = store_value(entry, option, &value, socket);
		if (result == 0)
			result = options_remember(&conversation_of(entry)->options, option, &value);
		current = conversation_socket(entry, NULL);
		socket_unref(current); /* only compared */
	}
	socket_unref(socket);
	if (result < 0 && entry && !refusal_noted())
		result = option_refuse(option, -result);
	conversation_unref(entry);
	return result;
}

static const TextOps option_text = {.show = option_show, .store = option_store};

#define OPTION(file, index)                                                                    \
	{                                                                                      \
		.name = file, .kind = TEXT, .mode = 0666, .text = &option_text, .which = index \
	}

/* clang-format off */
#define ANY_SOCKET \
	OPTION("rcvbuf", RCVBUF), OPTION("sndbuf", SNDBUF)

#define INTERNET                                                                                                   \
	OPTION("reuseaddr", REUSEADDR), OPTION("reuseport", REUSEPORT), OPTION("ttl", TTL), OPTION("tos", TOS),    \
	OPTION("v6only", V6ONLY), OPTION("dontroute", DONTROUTE), OPTION("priority", PRIORITY),                    \
	OPTION("mark", MARK), OPTION("bindtodevice", BINDTODEVICE), ANY_SOCKET

#define MANY                                                                                                       \
	OPTION("broadcast", BROADCAST), OPTION("multicast_ttl", MULTICAST_TTL),                                    \
	OPTION("multicast_loop", MULTICAST_LOOP), OPTION("multicast_if", MULTICAST_IF), OPTION("join", JOINS),     \
	{.name = "leave", .kind = TEXT, .mode = 0222, .text = &option_text, .which = LEAVES}

const FileDesc socket_options_tcp[] = {
	OPTION("nodelay", NODELAY), OPTION("cork", CORK), OPTION("keepalive", KEEPALIVE), OPTION("keepidle", KEEPIDLE),
	OPTION("keepintvl", KEEPINTVL), OPTION("keepcnt", KEEPCNT), OPTION("user_timeout", USER_TIMEOUT),
	OPTION("maxseg", MAXSEG), OPTION("linger", LINGERS), OPTION("oobinline", OOBINLINE),
	OPTION("rcvlowat", RCVLOWAT), OPTION("backlog", BACKLOG_SIZE), INTERNET, {0},
};
const FileDesc socket_options_udp[] = {INTERNET, MANY, {0}};
const FileDesc socket_options_ip[] = {INTERNET, MANY, OPTION("hdrincl", HDRINCL), {0}};
const FileDesc socket_options_unix[] = {ANY_SOCKET, OPTION("backlog", BACKLOG_SIZE), {0}};
const FileDesc socket_options_unixgram[] = {ANY_SOCKET, {0}};
/* clang-format on */
