/* Name look-ups, with a getaddrinfo() that takes as long as the test wants. */
#include "backends/socket/resolve.h"

#include <errno.h>
#include <string.h>

#include "backends/core/host.h"
#include "backends/core/refusal.h"

/* Protected by lock. */
static GMutex lock;
static GCond changed;
static bool gate_open; /* look-ups of hosts named "slow" may return */
static int inside;     /* number of such look-ups in progress */
static int64_t woken;
static struct addrinfo last_hints; /* the hints of the last look-up */

static int fake_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found)
{
	struct addrinfo numeric = *hints;

	g_mutex_lock(&lock);
	last_hints = *hints;
	if (host && strcmp(host, "slow") == 0) {
		inside++;
		g_cond_broadcast(&changed);
		while (!gate_open)
			g_cond_wait(&changed, &lock);
		inside--;
		g_cond_broadcast(&changed);
	}
	g_mutex_unlock(&lock);
	if (host && strcmp(host, "none") == 0)
		return EAI_NONAME;
	if (host && strcmp(host, "again") == 0)
		return EAI_AGAIN;
	if (host && strcmp(host, "system") == 0) {
		errno = EAGAIN;
		return EAI_SYSTEM;
	}
	numeric.ai_flags |= AI_NUMERICHOST;
	return getaddrinfo(host ? "127.0.0.2" : NULL, port, &numeric, found);
}

static void wake(const int64_t key[4])
{
	g_mutex_lock(&lock);
	woken = key[1];
	g_cond_broadcast(&changed);
	g_mutex_unlock(&lock);
}

static const Network *network(NetworkId id)
{
	const Object object = {.select = id};

	return network_of(&object);
}

static Resolve *begin(NetworkId id, const char *text, bool passive, uid_t uid, int64_t key)
{
	const int64_t keys[4] = {0, key};
	Resolve *resolve = NULL;

	g_assert_cmpint(resolve_begin(network(id), 0, text, passive, uid, keys, &resolve), ==, 0);
	return resolve;
}

static void await_wake(int64_t key)
{
	g_mutex_lock(&lock);
	while (woken != key)
		g_cond_wait(&changed, &lock);
	g_mutex_unlock(&lock);
}

static void await_inside(int number)
{
	g_mutex_lock(&lock);
	while (inside != number)
		g_cond_wait(&changed, &lock);
	g_mutex_unlock(&lock);
}

static void set_gate(bool open)
{
	g_mutex_lock(&lock);
	gate_open = open;
	g_cond_broadcast(&changed);
	g_mutex_unlock(&lock);
}

static void expect(NetworkId id, const char *text, bool passive, const char *expected)
{
	static int64_t key = 1000;
	Resolve *resolve = begin(id, text, passive, 1, ++key);
	char printed[ADDRESS_TEXT_MAX + 1];
	const Address *addresses;
	size_t n;

	await_wake(key);
	g_assert_cmpint(resolve_result(resolve, &addresses, &n), ==, 0);
	g_assert_cmpuint(n, ==, 1);
	address_print(network(id), &addresses[0], printed);
	g_assert_cmpstr(printed, ==, expected);
	resolve_free(resolve);
}

static void test_found(void)
{
	expect(NET_TCP, "host:80", false, "127.0.0.2:80");
	g_assert_cmpint(last_hints.ai_socktype, ==, SOCK_STREAM);
	g_assert_cmpint(last_hints.ai_flags & AI_PASSIVE, ==, 0);
	expect(NET_UDP, "host:7", true, "127.0.0.2:7");
	g_assert_cmpint(last_hints.ai_socktype, ==, SOCK_DGRAM);
	g_assert_cmpint(last_hints.ai_flags & AI_PASSIVE, !=, 0);
	/* As for ":7": the IPv6 address, whose socket accepts IPv4 as well. */
	expect(NET_TCP, ":80", true, "[::]:80");
	expect(NET_UDP, "*:7", true, "[::]:7");
	expect(NET_IP, "host", false, "127.0.0.2");
	g_assert_cmpint(last_hints.ai_socktype, ==, SOCK_RAW);
}

static void expect_refused(const char *text, int error)
{
	static int64_t key = 2000;
	Resolve *resolve = begin(NET_TCP, text, false, 1, ++key);
	const Address *addresses;
	size_t n;

	await_wake(key);
	for (int i = 0; i < 2; i++) {
		refusal_forget();
		g_assert_cmpint(resolve_result(resolve, &addresses, &n), ==, -error);
		g_assert_true(refusal_noted());
	}
	resolve_free(resolve);
}

static void test_refused(void)
{
	const int64_t key[4] = {0};
	Resolve *resolve;

	expect_refused("none:80", ENOENT);
	expect_refused("again:80", EHOSTUNREACH);
	expect_refused("system:80", EHOSTUNREACH);
	expect_refused("host:no-such-service", EINVAL);
	g_assert_cmpint(resolve_begin(network(NET_TCP), 0, "no port", false, 1, key, &resolve), ==, -EINVAL);
}

/* A user with many hanging look-ups delays only that user, and resolve_free() does not wait. */
static void test_slow(void)
{
	enum { MANY = 200, AT_ONCE = 32, MOST = 1024 };
	const int64_t key[4] = {0};
	Resolve *slow[MOST], *quick, *queued;
	const Address *addresses;
	size_t n;

	set_gate(false);
	for (int i = 0; i < MANY; i++)
		slow[i] = begin(NET_TCP, "slow:1", false, 1, 3000);
	await_inside(AT_ONCE);
	g_assert_cmpint(resolve_result(slow[0], &addresses, &n), ==, -EAGAIN);
	quick = begin(NET_TCP, "host:1", false, 2, 3001);
	await_wake(3001);
	g_assert_cmpint(resolve_result(quick, &addresses, &n), ==, 0);
	resolve_free(quick);

	queued = begin(NET_TCP, "host:1", false, 1, 3002);
	for (int i = 0; i < MANY; i++)
		resolve_free(slow[i]);
	g_assert_cmpint(resolve_result(queued, &addresses, &n), ==, -EAGAIN);
	g_assert_cmpint(inside, ==, AT_ONCE);
	set_gate(true);
	await_wake(3002);
	g_assert_cmpint(resolve_result(queued, &addresses, &n), ==, 0);
	resolve_free(queued);
	await_inside(0);

	set_gate(false);
	for (int i = 0; i < MOST; i++)
		slow[i] = begin(NET_TCP, "slow:1", false, 3, 3003);
	g_assert_cmpint(resolve_begin(network(NET_TCP), 0, "slow:1", false, 3, key, &queued), ==, -ENFILE);
	for (int i = 0; i < MOST; i++)
		resolve_free(slow[i]);
	set_gate(true);
	await_inside(0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	host_register(&(HostOps){.wake = wake});
	resolve_getaddrinfo = fake_getaddrinfo;
	g_test_add_func("/resolve/found", test_found);
	g_test_add_func("/resolve/refused", test_refused);
	g_test_add_func("/resolve/slow", test_slow);
	return g_test_run();
}
