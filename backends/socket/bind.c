/*
 * Binding a socket (bind.h).
 *
 * An internet address and an abstract name are bound at once, by binding_try(). A name is looked up first, on a thread
 * of its own (resolve.h). A path is bound by a background job, because the path may lead to a file system that does
 * not answer. The job checks the path, and a helper process (helper.h) with all ids of the caller calls bind(2): a
 * thread of the daemon could follow the links of /proc to files that the daemon has open.
 *
 * Locking: none of its own. operation.c lets one thread at a time call binding_try() for a Binding. The fields of a
 * PathBinding belong to the job until job_done().
 */
#include "backends/socket/bind.h"

#include <errno.h>
#include <string.h>

#include "backends/core/async.h"
#include "backends/core/credentials.h"
#include "backends/core/helper.h"
#include "backends/core/refusal.h"
#include "backends/socket/path.h"
#include "backends/socket/resolve.h"

typedef struct PathBinding PathBinding;

struct Binding {
	BindingTerms terms;
	Caller caller;     /* owned: terms.caller */
	Address given;     /* the address, if the text gives it in full */
	Resolve *resolve;  /* owned; otherwise the look-up of the name, or NULL */
	PathBinding *path; /* for a path: the job that calls bind(2), or NULL */
};

static int refuse_address(const Address *address, int error)
{
	const bool path = address->any.sa_family == AF_UNIX && address->local.sun_path[0];

	if (error == EADDRINUSE && path)
		return refuse(EADDRINUSE, "a file with this name exists: remove it if no server uses it");
	if (error == EACCES && path)
		return refuse(EACCES, "no permission: check the modes of the directories of the path");
	if (error == ENOENT && path)
		return refuse(ENOENT, "directory of the path does not exist: make it first");
	if (error == EADDRINUSE)
		return refuse(EADDRINUSE, "address is in use: choose another one, or stop the process that uses it");
	if (error == EACCES)
		return refuse(EACCES, "port is reserved for root: see net.ipv4.ip_unprivileged_port_start (1024)");
	if (error == EADDRNOTAVAIL)
		return refuse(EADDRNOTAVAIL, "no interface of this machine has this address: choose a local one");
	return -error;
}

/* -- Paths, in a background job ------------------------------------------------------------------------------------ */

enum { PATHS_AT_ONCE = 32, PATHS_USER = 1024 };

struct PathBinding {
	AsyncJob job;
	Caller caller;  /* owned */
	Socket *socket; /* a reference */
	Address address;
	mode_t umask;
	int backlog;
	int result;
	char *reason; /* owned; or NULL */
};

/* Runs in the helper process. The kernel walks the path again here. */
static HelperReport bind_in_helper(const void *data)
{
	const PathBinding *path = data;
	HelperReport report = {0};

	umask(path->umask);
	if (bind(path->socket->fd, &path->address.any, path->address.length) < 0)
		report.result = -errno;
	return report;
}

static bool is_abandoned(const void *data)
{
	const PathBinding *path = data;

	return job_detached((AsyncJob *)&path->job);
}

static bool is_bound(Socket *socket)
{
	Address address;

	return socket_local(socket, &address) == 0 && address.length > sizeof address.any.sa_family;
}

/* Called with the caller's credentials. */
static int bind_path(const PathBinding *path)
{
	const HelperProcess helper = {
		.act = bind_in_helper, .data = path, .descriptors = {path->socket->fd, -1}, .abandoned = is_abandoned};
	int result = path_check_mount(path->address.local.sun_path);
	HelperReport report = {0};

	if (result == 0)
		result = helper_run(&helper, &report);
	if (result == 0)
		result = report.result;
	/* The helper process was stopped or killed; it may have bound the socket before. */
	else if (result == -EINTR && is_bound(path->socket))
		result = 0;
	if (result == -EINTR)
		return refuse(EINTR, "helper process was stopped or killed: try again");
	/* -EAGAIN would mean "not yet". */
	if (result == -EAGAIN)
		result = -ENOMEM;
	/* The daemon calls listen(2) itself, so that the peer's SO_PEERCRED shows the daemon's process. */
	if (result == 0 && path->backlog >= 0 && listen(path->socket->fd, path->backlog) < 0)
		result = -errno;
	return result;
}

static void path_binding_run(AsyncJob *job)
{
	PathBinding *path = (PathBinding *)job;

	refusal_forget();
	path->result = creds_override(&path->caller);
	if (path->result < 0)
		return;
	path->result = bind_path(path);
	path->reason = refusal_noted() ? g_strdup(refusal_note()) : NULL;
	/* An interrupted caller must not find the file. */
	if (path->result == 0 && job_detached(job))
		path_unlink(path->address.local.sun_path);
	creds_revert();
}

static void path_binding_free(AsyncJob *job)
{
	PathBinding *path = (PathBinding *)job;

	socket_unref(path->socket);
	creds_clear(&path->caller);
	g_free(path->reason);
	g_free(path);
}

static JobClass path_jobs = {
	.quota = {.what = "paths being bound",
		  .remedy = "wait for some to end",
		  .error = ENFILE,
		  .user_max = PATHS_USER},
	.threads_user_max = PATHS_AT_ONCE,
	.run = path_binding_run,
	.end = path_binding_free,
};

/* Makes a socket with the caller's credentials. */
static int make_socket(const Binding *binding, int family, Socket **out)
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
		result = make_socket(binding, AF_UNIX, &path->socket);
	if (result < 0) {
		path_binding_free(&path->job);
		return result;
	}
	path->address = binding->given;
	path->umask = binding->terms.umask;
	path->backlog = binding->terms.backlog;
	path->result = -ENOMEM;
	creds_copy(&path->caller, &binding->caller);
	result = job_start(&path->job, &path_jobs, path->caller.uid, key);
	if (result < 0)
		path_binding_free(&path->job);
	else
		binding->path = path;
	return result;
}

static int try_path(PathBinding *path, Socket **out)
{
	if (!job_done(&path->job))
		return -EAGAIN;
	if (path->result < 0 && path->reason)
		return refuse(-path->result, "%s", path->reason);
	if (path->result < 0)
		return refuse_address(&path->address, -path->result);
	*out = socket_ref(path->socket);
	return 0;
}

/* -- Other addresses ----------------------------------------------------------------------------------------------- */

static int bind_address(const Binding *binding, const Address *address, Socket **out)
{
	const bool any = address->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
	const int off = 0;
	Socket *socket = NULL;
	int result = make_socket(binding, address->any.sa_family, &socket);

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

/* The same on a machine without IPv6: the IPv4 wildcard address replaces the IPv6 one. */
static int bind_or_fall_back(const Binding *binding, const Address *address, Socket **out)
{
	int result = bind_address(binding, address, out);

	if (result == -EAFNOSUPPORT && address->any.sa_family == AF_INET6 &&
	    IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr)) {
		const Address v4 = {
			.length = sizeof v4.v4,
			.v4 = {.sin_family = AF_INET, .sin_port = address->v6.sin6_port},
		};

		result = bind_address(binding, &v4, out);
	}
	return result;
}

/* A name may have addresses of both families. IPv4 addresses are tried first, as Go does. */
static int bind_first(const Binding *binding, const Address *addresses, size_t n, Socket **out)
{
	int result = -EADDRNOTAVAIL;

	for (int turn = 0; turn < 2; turn++) {
		for (size_t i = 0; i < n; i++) {
			if ((turn == 0) != (addresses[i].any.sa_family != AF_INET6))
				continue;
			result = address_check_family(binding->terms.network, binding->terms.protocol, &addresses[i]);
			if (result == 0)
				result = bind_or_fall_back(binding, &addresses[i], out);
			/* This machine may have the next address even if it does not have this one. */
			if (result != -EADDRNOTAVAIL && result != -EAFNOSUPPORT)
				return result;
		}
	}
	return result;
}

/* -- Interface ----------------------------------------------------------------------------------------------------- */

static int begin_binding(Binding *binding, const char *text, const int64_t key[4])
{
	const BindingTerms *terms = &binding->terms;
	const bool any = !*text || strcmp(text, "*") == 0;
	int result;

	/* A raw IPv6 socket does not receive IPv4 as well. */
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
	result = begin_binding(new, text, key);
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
		job_detach(&binding->path->job);
	creds_clear(&binding->caller);
	g_free(binding);
}
