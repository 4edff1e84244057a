#include "backends/socket/bind.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "backends/core/helper.h"
#include "backends/core/async.h"
#include "backends/core/credentials.h"
#include "backends/socket/path.h"
#include "backends/socket/resolve.h"
#include "backends/core/refusal.h"

typedef struct PathBinding PathBinding;

struct Binding {
	BindingTerms terms;
	Caller caller;     /* owned: terms.caller */
	Address given;     /* what the text says, where it says all */
	Resolve *resolve;  /* owned: else its look-up, or NULL */
	PathBinding *path; /* of a path: its bind(2), or NULL */
};

static int refuse_address(const Address *address, int error)
{
	const bool path = address->any.sa_family == AF_UNIX && address->local.sun_path[0];

	if (error == EADDRINUSE && path)
		return refuse(EADDRINUSE, "there is a file of that name: rm it if nobody uses it");
	if (error == EACCES && path)
		return refuse(EACCES, "the mode of its directory, or of one above that, keeps you out");
	if (error == ENOENT && path)
		return refuse(ENOENT, "there is no such directory");
	if (error == EADDRINUSE)
		return refuse(EADDRINUSE, "that address is in use");
	if (error == EACCES)
		return refuse(EACCES, "ports below net.ipv4.ip_unprivileged_port_start (1024) are for root");
	if (error == EADDRNOTAVAIL)
		return refuse(EADDRNOTAVAIL, "no interface of this machine has that address");
	return -error;
}

/* -- Paths, on a thread ------------------------------------------------------------------------------------------------- */

enum { PATHS_AT_ONCE = 32, PATHS_USER = 1024 };

struct PathBinding {
	AsyncJob errand;
	Caller caller;  /* owned */
	Socket *socket; /* held */
	Address address;
	mode_t umask;
	int backlog;
	int result;
	char *reason; /* owned; or NULL */
};

/* In the deputy: the kernel walks the path once more. */
static HelperReport bind_there(const void *data)
{
	const PathBinding *path = data;
	HelperReport report = {0};

	umask(path->umask);
	if (bind(path->socket->fd, &path->address.any, path->address.length) < 0)
		report.result = -errno;
	return report;
}

static bool is_over(const void *data)
{
	const PathBinding *path = data;

	return job_detached((AsyncJob *)&path->errand);
}

static bool is_bound(Socket *socket)
{
	Address address;

	return socket_local(socket, &address) == 0 && address.length > sizeof address.any.sa_family;
}

/* As the caller. */
static int bind_path(const PathBinding *path)
{
	const HelperProcess helper = {
		.act = bind_there, .data = path, .descriptors = {path->socket->fd, -1}, .abandoned = is_over};
	int result = path_check_mount(path->address.local.sun_path);
	HelperReport report = {0};

	if (result == 0)
		result = helper_run(&helper, &report);
	if (result == 0)
		result = report.result;
	/* It was killed: before or after that? */
	else if (result == -EINTR && is_bound(path->socket))
		result = 0;
	if (result == -EINTR)
		return refuse(EINTR, "the process that was to bind it for you was stopped or killed");
	/* That would mean "not yet". */
	if (result == -EAGAIN)
		result = -ENOMEM;
	/* By the daemon, whose process it is to be in what the other end is told. */
	if (result == 0 && path->backlog >= 0 && listen(path->socket->fd, path->backlog) < 0)
		result = -errno;
	return result;
}

static void path_run(AsyncJob *errand)
{
	PathBinding *path = (PathBinding *)errand;

	refusal_forget();
	path->result = creds_override(&path->caller);
	if (path->result < 0)
		return;
	path->result = bind_path(path);
	path->reason = refusal_noted() ? g_strdup(refusal_note()) : NULL;
	/* Whoever was interrupted finds nothing of it. */
	if (path->result == 0 && job_detached(errand))
		path_unlink(path->address.local.sun_path);
	creds_revert();
}

static void path_end(AsyncJob *errand)
{
	PathBinding *path = (PathBinding *)errand;

	socket_unref(path->socket);
	creds_clear(&path->caller);
	g_free(path->reason);
	g_free(path);
}

static JobClass paths = {
	.quota = {.what = "paths to be bound",
		  .remedy = "wait for some to end",
		  .error = ENFILE,
		  .user_max = PATHS_USER},
	.threads_user_max = PATHS_AT_ONCE,
	.run = path_run,
	.end = path_end,
};

/* A new socket, as the caller. */
static int make(const Binding *binding, int family, Socket **out)
{
	int result = creds_override(&binding->caller);

	if (result < 0)
		return result;
	result = socket_new(binding->terms.network, binding->terms.protocol, family, out);
	if (result == 0)
		result = binding->terms.prepare(*out, binding->terms.data);
	creds_revert();
	if (result < 0)
		socket_unref(g_steal_pointer(out));
	return result;
}

static int begin_path(Binding *binding, const int64_t key[4])
{
	PathBinding *path = g_new0(PathBinding, 1);
	int result = path_check_caller(&binding->caller);

	if (result == 0)
		result = make(binding, AF_UNIX, &path->socket);
	if (result < 0) {
		path_end(&path->errand);
		return result;
	}
	path->address = binding->given;
	path->umask = binding->terms.umask;
	path->backlog = binding->terms.backlog;
	path->result = -ENOMEM;
	creds_copy(&path->caller, &binding->caller);
	result = job_start(&path->errand, &paths, path->caller.uid, key);
	if (result < 0)
		path_end(&path->errand);
	else
		binding->path = path;
	return result;
}

static int try_path(PathBinding *path, Socket **out)
{
	if (!job_done(&path->errand))
		return -EAGAIN;
	if (path->result < 0 && path->reason)
		return refuse(-path->result, "%s", path->reason);
	if (path->result < 0)
		return refuse_address(&path->address, -path->result);
	*out = socket_ref(path->socket);
	return 0;
}

/* -- All others --------------------------------------------------------------------------------------------------------- */

static int bind_one(const Binding *binding, const Address *address, Socket **out)
{
	const bool any = address->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
	const int off = 0;
	Socket *socket = NULL;
	int result = make(binding, address->any.sa_family, &socket);

	if (result < 0)
		return result;
	if (any && binding->terms.both_families)
		setsockopt(socket->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	result = creds_override(&binding->caller);
	if (result == 0) {
		if (bind(socket->fd, &address->any, address->length) < 0 ||
		    (binding->terms.backlog >= 0 && listen(socket->fd, binding->terms.backlog) < 0))
			result = refuse_address(address, errno);
		creds_revert();
	}
	if (result < 0)
		socket_unref(socket);
	else
		*out = socket;
	return result;
}

/* The same, also on a machine without IPv6. */
static int bind_any(const Binding *binding, const Address *address, Socket **out)
{
	int result = bind_one(binding, address, out);

	if (result == -EAFNOSUPPORT && address->any.sa_family == AF_INET6 &&
	    IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr)) {
		const Address v4 = {
			.length = sizeof v4.v4,
			.v4 = {.sin_family = AF_INET, .sin_port = address->v6.sin6_port},
		};

		result = bind_one(binding, &v4, out);
	}
	return result;
}

static int check_family(const Binding *binding, const Address *address)
{
	if (binding->terms.network->type != SOCK_RAW)
		return 0;
	if (binding->terms.protocol == IPPROTO_ICMP && address->any.sa_family != AF_INET)
		return refuse(EAFNOSUPPORT, "icmp is of IPv4; that of IPv6 is ipv6-icmp");
	if (binding->terms.protocol == IPPROTO_ICMPV6 && address->any.sa_family != AF_INET6)
		return refuse(EAFNOSUPPORT, "ipv6-icmp is of IPv6; that of IPv4 is icmp");
	return 0;
}

/* A name may have addresses of both families: then IPv4, as Go does it. */
static int bind_first(const Binding *binding, const Address *addresses, size_t n, Socket **out)
{
	int result = -EADDRNOTAVAIL;

	for (int turn = 0; turn < 2; turn++) {
		for (size_t i = 0; i < n; i++) {
			if ((turn == 0) != (addresses[i].any.sa_family != AF_INET6))
				continue;
			result = check_family(binding, &addresses[i]);
			if (result == 0)
				result = bind_any(binding, &addresses[i], out);
			/* Another one may be there where this one is not. */
			if (result != -EADDRNOTAVAIL && result != -EAFNOSUPPORT)
				return result;
		}
	}
	return result;
}

/* -- For who asks ------------------------------------------------------------------------------------------------------- */

static int begin(Binding *binding, const char *text, const int64_t key[4])
{
	const BindingTerms *terms = &binding->terms;
	const bool any = !*text || strcmp(text, "*") == 0;
	int result;

	/* A raw socket of IPv6 takes no IPv4 as well. */
	if (terms->network->type == SOCK_RAW && any && terms->protocol != IPPROTO_ICMPV6) {
		binding->given = (Address){.length = sizeof binding->given.v4, .v4 = {.sin_family = AF_INET}};
		return 0;
	}
	result = address_parse(terms->network, text, true, &binding->given);
	if (result == -EAGAIN)
		return resolve_begin(terms->network, terms->protocol, text, true, binding->caller.uid, key,
				     &binding->resolve);
	if (result == 0 && terms->network->local && binding->given.local.sun_path[0])
		return begin_path(binding, key);
	return result;
}

int binding_begin(const BindingTerms *terms, const char *text, const int64_t key[4], Binding **out)
{
	Binding *new = g_new0(Binding, 1);
	int result;

	new->terms = *terms;
	creds_copy(&new->caller, terms->caller);
	result = begin(new, text, key);
	if (result < 0)
		binding_free(new);
	else
		*out = new;
	return result;
}

int binding_try(Binding *binding, Socket **out)
{
	const Address *addresses = &binding->given;
	size_t n = 1;
	int result;

	if (binding->path)
		return try_path(binding->path, out);
	result = binding->resolve ? resolve_result(binding->resolve, &addresses, &n) : 0;
	return result < 0 ? result : bind_first(binding, addresses, n, out);
}

void binding_free(Binding *binding)
{
	if (!binding)
		return;
	resolve_free(binding->resolve);
	if (binding->path)
		job_detach(&binding->path->errand);
	creds_clear(&binding->caller);
	g_free(binding);
}
