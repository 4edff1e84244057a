/* Socket addresses: the valid forms, the invalid forms, and that a printed address parses to the same address. */
#include "backends/socket/address.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "backends/core/refusal.h"

static const Network *network(NetworkId id)
{
	const Object object = {.select = id};

	return network_of(&object);
}

typedef struct Case {
	NetworkId id;
	bool passive;
	const char *text;
	const char *printed; /* NULL: the address is invalid, or needs a look-up; see `error` */
	int error;
} Case;

#define LONGEST \
	"/2345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"

static const Case cases[] = {
	{NET_TCP, false, "127.0.0.1:80", "127.0.0.1:80", 0},
	{NET_TCP, false, "[::1]:80", "[::1]:80", 0},
	{NET_UDP, false, "[127.0.0.1]:0", "127.0.0.1:0", 0},
	{NET_TCP, false, "[::ffff:192.0.2.1]:65535", "192.0.2.1:65535", 0},
	{NET_TCP, false, "[fe80::1%lo]:9", "[fe80::1%lo]:9", 0},
	{NET_TCP, true, ":80", "[::]:80", 0},
	{NET_TCP, true, "*:80", "[::]:80", 0},
	{NET_TCP, true, "0.0.0.0:80", "0.0.0.0:80", 0},
	{NET_TCP, false, ":80", NULL, EAGAIN},
	{NET_TCP, false, "localhost:80", NULL, EAGAIN},
	{NET_TCP, false, "127.0.0.1:http", NULL, EAGAIN},
	{NET_TCP, true, ":http", NULL, EAGAIN},
	{NET_TCP, false, "", NULL, EINVAL},
	{NET_TCP, false, "80", NULL, EINVAL},
	{NET_TCP, false, "localhost", NULL, EINVAL},
	{NET_TCP, false, "localhost:", NULL, EINVAL},
	{NET_TCP, false, "localhost:65536", NULL, EINVAL},
	{NET_TCP, false, "localhost:-1", NULL,
	 EAGAIN}, /* not a number, so the look-up decides whether it is a service */
	{NET_TCP, false, "::1:80", NULL, EINVAL},
	{NET_TCP, false, "[::1]80", NULL, EINVAL},
	{NET_TCP, false, "[::1:80", NULL, EINVAL},
	{NET_TCP, false, "[", NULL, EINVAL},
	{NET_TCP, false, "[:80", NULL, EINVAL},
	{NET_TCP, false, "a b:80", NULL, EINVAL},
	{NET_TCP, false, "a/b:80", NULL, EINVAL},
	{NET_TCP, false, "*:80", NULL, EINVAL},
	{NET_IP, false, "127.0.0.1", "127.0.0.1", 0},
	{NET_IP, false, "::1", "::1", 0},
	{NET_IP, false, "[::1]", "::1", 0},
	{NET_IP, true, "", "::", 0},
	{NET_IP, false, "example.org", NULL, EAGAIN},
	{NET_IP, false, "a b", NULL, EINVAL},
	{NET_UNIX, false, "/run/app.sock", "/run/app.sock", 0},
	{NET_UNIX, false, "/with blank", "/with blank", 0},
	{NET_UNIX, false, "/new\\012line\\134", "/new\\012line\\134", 0},
	{NET_UNIX, false, "@abstract", "@abstract", 0},
	{NET_UNIX, false, "@/tmp/.X11-unix/X0", "@/tmp/.X11-unix/X0", 0},
	{NET_UNIX, false, "@\\000\\001", "@\\000\\001", 0},
	{NET_UNIX, false, LONGEST, LONGEST, 0},
	{NET_UNIX, false, LONGEST "8", NULL, ENAMETOOLONG},
	{NET_UNIX, true, "@", "", 0},
	{NET_UNIX, false, "@", NULL, EINVAL},
	{NET_UNIX, false, "", NULL, EINVAL},
	{NET_UNIX, false, "app.sock", NULL, EINVAL},
	{NET_UNIX, false, "/a\\000b", NULL, EINVAL},
	{NET_UNIX, false, "/a\\9", NULL, EINVAL},
	{NET_UNIX, false, "/a\\777", NULL, EINVAL},
	{NET_UNIX, false, "/a\\", NULL, EINVAL},
};

static void test_cases(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		const Case *expected = &cases[i];
		char text[ADDRESS_TEXT_MAX + 1];
		Address address = {0};
		int result;

		g_test_message("%s '%s'", network(expected->id)->name, expected->text);
		refusal_forget();
		result = address_parse(network(expected->id), expected->text, expected->passive, &address);
		g_assert_cmpint(result, ==, -expected->error);
		g_assert_true(refusal_noted() == (result < 0 && result != -EAGAIN));
		if (result < 0) {
			g_assert_cmpuint(address.length, ==, 0);
			continue;
		}
		g_assert_cmpuint(address_print(network(expected->id), &address, text), ==, strlen(expected->printed));
		g_assert_cmpstr(text, ==, expected->printed);
	}
}

/* The kernel returns a path with or without a '\0' behind it, and no path for a socket without a name. */
static void test_from_kernel(void)
{
	Address address = {.length = offsetof(struct sockaddr_un, sun_path)};
	char text[ADDRESS_TEXT_MAX + 1];

	address.local.sun_family = AF_UNIX;
	g_assert_cmpuint(address_print(network(NET_UNIX), &address, text), ==, 0);
	memset(address.local.sun_path, 'x', sizeof address.local.sun_path);
	address.length = sizeof address.local;
	g_assert_cmpuint(address_print(network(NET_UNIX), &address, text), ==, sizeof address.local.sun_path);
	strcpy(address.local.sun_path, "@odd");
	g_assert_cmpuint(address_print(network(NET_UNIX), &address, text), ==, 7);
	g_assert_cmpstr(text, ==, "\\100odd");
	address.length = 0;
	g_assert_cmpuint(address_print(network(NET_TCP), &address, text), ==, 0);
}

/*
 * A parsed address prints as one line that parses to the same address. An address from the kernel prints within bounds.
 */
static void test_any(void)
{
	static const char alphabet[] = "0123456789abf::[]..%@@//\\\\*- \n";

	for (int i = 0; i < 200000; i++) {
		const Network *of = network((NetworkId)g_test_rand_int_range(NET_TCP, NETWORKS));
		const bool passive = g_test_rand_int_range(0, 2);
		char text[ADDRESS_TEXT_MAX + 1], again[ADDRESS_TEXT_MAX + 1];
		Address address, second;
		int length = g_test_rand_int_range(0, 24);

		for (int at = 0; at < length; at++)
			text[at] = alphabet[g_test_rand_int_range(0, sizeof alphabet - 1)];
		text[length] = '\0';
		if (address_parse(of, text, passive, &address) < 0)
			continue;
		if (address_print(of, &address, again) == 0)
			continue;
		g_assert_null(strchr(again, '\n'));
		g_assert_cmpint(address_parse(of, again, passive, &second), ==, 0);
		g_assert_cmpuint(address_print(of, &second, text), ==, strlen(again));
		g_assert_cmpstr(text, ==, again);
	}
	for (int i = 0; i < 10000; i++) {
		char text[ADDRESS_TEXT_MAX + 1];
		Address address = {.length = (socklen_t)g_test_rand_int_range(0, sizeof address.local + 1)};

		for (size_t at = 0; at < sizeof address.local; at++)
			((unsigned char *)&address.local)[at] = (unsigned char)g_test_rand_int_range(0, 256);
		address.local.sun_family = AF_UNIX;
		g_assert_cmpuint(address_print(network(NET_UNIX), &address, text), ==, strlen(text));
		g_assert_null(strchr(text, '\n'));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/address/cases", test_cases);
	g_test_add_func("/address/from-kernel", test_from_kernel);
	g_test_add_func("/address/any", test_any);
	return g_test_run();
}
