/*
 * Look-ups of names (resolve.h).
 *
 * Locking: none. The fields of a Resolve belong to its job until job_done().
 */
#include "backends/socket/resolve.h"

#include <errno.h>
#include <string.h>

#include "backends/core/async.h"
#include "backends/core/refusal.h"

enum { RESOLVES_AT_ONCE = 32, RESOLVES_USER = 1024 };

struct Resolve {
	AsyncJob job;
	const Network *network;
	AddressParts parts;
	int protocol;
	bool passive;

	/* The result. */
	int error, system_error; /* as of getaddrinfo(3) */
	Address *addresses;      /* owned */
	size_t n;
};

int (*resolve_getaddrinfo)(const char *host, const char *port, const struct addrinfo *hints,
			   struct addrinfo **list) = getaddrinfo;

static void keep_addresses(Resolve *resolve, const struct addrinfo *list)
{
	g_autoptr(GArray) addresses = g_array_new(FALSE, FALSE, sizeof(Address));

	for (; list; list = list->ai_next) {
		Address address = {.length = list->ai_addrlen};

		if (list->ai_addrlen > sizeof address.storage)
			continue;
		memcpy(&address.storage, list->ai_addr, list->ai_addrlen);
		g_array_append_val(addresses, address);
	}
	resolve->addresses = (Address *)(void *)g_array_steal(addresses, &resolve->n);
	resolve->error = resolve->n ? 0 : EAI_NONAME;
}

/*
 * ICMP and ICMPv6 have addresses of one family each. The wildcard address is that of IPv6, whose sockets accept IPv4
 * as well.
 */
static int family_of(int protocol, bool any)
{
	if (any || protocol == IPPROTO_ICMPV6)
		return AF_INET6;
	return protocol == IPPROTO_ICMP ? AF_INET : AF_UNSPEC;
}

static void resolve_run(AsyncJob *job)
{
	Resolve *resolve = (Resolve *)job;
	const Network *network = resolve->network;
	const char *host = resolve->parts.host, *port = resolve->parts.port;
	const struct addrinfo hints = {
		.ai_family = family_of(resolve->protocol, !*host),
		.ai_socktype = network->type,
		.ai_protocol = resolve->protocol,
		.ai_flags = resolve->passive ? AI_PASSIVE : 0,
	};
	struct addrinfo *list = NULL;

	resolve->error = resolve_getaddrinfo(*host ? host : NULL, *port ? port : NULL, &hints, &list);
	resolve->system_error = errno;
	if (resolve->error)
		return;
	keep_addresses(resolve, list);
	freeaddrinfo(list);
}

static void resolve_destroy(AsyncJob *job)
{
	Resolve *resolve = (Resolve *)job;

	g_free(resolve->addresses);
	g_free(resolve);
}

static JobClass resolve_jobs = {
	.quota = {.what = "look-ups of names",
		  .remedy = "wait for some to end",
		  .error = ENFILE,
		  .user_max = RESOLVES_USER},
	.threads_user_max = RESOLVES_AT_ONCE,
	.run = resolve_run,
	.end = resolve_destroy,
};

int resolve_begin(const Network *network, int protocol, const char *text, bool passive, uid_t uid, const int64_t key[4],
		  Resolve **out)
{
	Resolve *resolve;
	AddressParts parts;
	int result = address_split(network, text, passive, &parts);

	if (result < 0)
		return result;
	resolve = g_new(Resolve, 1);
	*resolve = (Resolve){
		.network = network,
		.parts = parts,
		.protocol = network->type == SOCK_RAW ? protocol : 0,
		.passive = passive,
		.error = EAI_MEMORY,
	};
	result = job_start(&resolve->job, &resolve_jobs, uid, key);
	if (result < 0)
		resolve_destroy(&resolve->job);
	else
		*out = resolve;
	return result;
}

/* Notes the reason for an error of getaddrinfo(3) and returns an errno for it. */
static int refuse_resolve(const Resolve *resolve)
{
	const char *host = resolve->parts.host;

	switch (resolve->error) {
	case EAI_NONAME:
	case EAI_NODATA:
	case EAI_ADDRFAMILY:
		return refuse(ENOENT, "no host named %s, or it has no address", host);
	case EAI_SERVICE:
		return refuse(EINVAL, "%s has no service named %s: see services(5), or write a number",
			      resolve->network->name, resolve->parts.port);
	case EAI_AGAIN:
	case EAI_FAIL:
		return refuse(EHOSTUNREACH, "no name server answers for %s: try again", host);
	case EAI_MEMORY:
		return refuse(ENOMEM, "no memory or no thread to look up %s: try again", host);
	case EAI_SYSTEM:
		return refuse(EHOSTUNREACH, "the look-up of %s failed: %s", host, g_strerror(resolve->system_error));
	default:
		return refuse(EINVAL, "the look-up of %s failed: %s", host, gai_strerror(resolve->error));
	}
}

int resolve_result(Resolve *resolve, const Address **addresses, size_t *n)
{
	if (!job_done(&resolve->job))
		return -EAGAIN;
	if (resolve->error)
		return refuse_resolve(resolve);
	*addresses = resolve->addresses;
	*n = resolve->n;
	return 0;
}

void resolve_free(Resolve *resolve)
{
	if (resolve)
		job_detach(&resolve->job);
}
