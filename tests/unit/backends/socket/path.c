/* Walking paths as the kernel does. tests/mount tests paths into the daemon's own mount. */
#include "backends/socket/path.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backends/core/credentials.h"

static char *top;

static void make_tree(void)
{
	top = g_dir_make_tmp("path-XXXXXX", NULL);
	g_assert_cmpint(chmod(top, 0755), ==, 0);
	g_assert_cmpint(chdir(top), ==, 0);
	g_assert_cmpint(mkdir("a", 0755) | mkdir("a/b", 0755) | mkdir("shut", 0700), ==, 0);
	g_assert_true(g_file_set_contents("a/b/file", "", 0, NULL));
	g_assert_true(g_file_set_contents("shut/file", "", 0, NULL));
	g_assert_cmpint(symlink("a/b", "down") | symlink("../..", "a/b/up") | symlink("down/file", "twice"), ==, 0);
	g_assert_cmpint(symlink("loop2", "loop1") | symlink("loop1", "loop2") | symlink("nowhere", "gone"), ==, 0);
	g_assert_cmpint(symlink("/proc/self", "proc") | symlink("b//", "a/slashes") | symlink("file", "a/b/self"), ==,
			0);
	for (int i = 0; i < 45; i++) {
		char from[8], to[8];

		snprintf(from, sizeof from, "n%d", i);
		snprintf(to, sizeof to, i ? "n%d" : "a", i - 1);
		g_assert_cmpint(symlink(to, from), ==, 0);
	}
}

static void remove_tree(void)
{
	char *command[] = {(char *)"rm", (char *)"-r", top, NULL};

	g_assert_true(g_spawn_sync("/", command, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL));
	g_free(top);
}

/* path_open() gives the kernel's errno, or opens the same file. */
static void expect_same(const char *name)
{
	g_autofree char *path = name[0] == '/' ? g_strdup(name) : g_strconcat(top, "/", name, NULL);
	int fd = path_open(path);
	int expected = open(path, O_PATH | O_CLOEXEC);
	struct stat ours, kernels;

	if (expected < 0) {
		if (fd != -errno)
			g_error("%s: %s, not %s", name, fd < 0 ? g_strerror(-fd) : "found", g_strerror(errno));
		return;
	}
	if (fd < 0)
		g_error("%s: %s", name, g_strerror(-fd));
	g_assert_cmpint(fstat(fd, &ours) | fstat(expected, &kernels), ==, 0);
	g_assert_cmpuint(ours.st_ino, ==, kernels.st_ino);
	g_assert_cmpuint(ours.st_dev, ==, kernels.st_dev);
	close(fd);
	close(expected);
}

static void test_same(void)
{
	static const char *const names[] = {
		"",
		"a",
		"a/",
		"a/b/file",
		"a//b/./file",
		"a/b/../b/file",
		"a/b/file/",
		"a/b/file/x",
		"none",
		"none/x",
		"a/none",
		"down",
		"down/",
		"down/file",
		"down/up/twice",
		"twice",
		"twice/",
		"twice/x",
		"a/slashes/file",
		"a/b/self",
		"loop1",
		"loop1/x",
		"gone",
		"gone/x",
		"n0",
		"n38",
		"n39",
		"n40",
		"n44/b",
		"proc",
		"proc/root/usr",
		"proc/cwd/a",
		"proc/cwd/down/file",
		"proc/exe",
		"proc/fd",
		"proc/none",
		"/",
		"//",
		"/..",
		"/../../proc/self/cwd",
		"/proc/self/mounts",
		"/proc/mounts",
		"/dev/null",
		"/dev/fd/0",
		"/proc/self/ns/net",
		"/proc/self/ns/net/x",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		expect_same(names[i]);
}

static void test_long(void)
{
	g_autofree char *name = g_strnfill(NAME_MAX, 'x'), *longer = g_strnfill(NAME_MAX + 1, 'x');
	g_autofree char *longest = g_strnfill(9000, 'x');
	g_autoptr(GString) dots = g_string_new("a");

	expect_same(name);
	expect_same(longer);
	expect_same(longest);
	while (dots->len < 3900)
		g_string_append(dots, "/.");
	expect_same(dots->str);
	while (dots->len < 5000)
		g_string_append(dots, "/.");
	expect_same(dots->str);
}

/* A walk has the caller's credentials: for directories, and for links of other processes in /proc. */
static void test_caller(void)
{
	const Caller caller = {.uid = 65534, .gid = 65534};
	g_autofree char *shut = g_strconcat(top, "/shut/file", NULL);

	if (getuid() != 0) {
		g_test_skip("needs root");
		return;
	}
	g_assert_cmpint(creds_override(&caller), ==, 0);
	g_assert_cmpint(path_open(shut), ==, -EACCES);
	expect_same("a/b/file");
	expect_same("shut");
	expect_same("down/file");
	expect_same("/proc/1/cwd");
	creds_revert();
	expect_same("shut/file");
}

/*
 * The kernel lets this thread follow the links of its own process with any credentials. They lead to files that the
 * daemon has open.
 */
static void test_daemon(void)
{
	const Caller caller = {.uid = 65534, .gid = 65534};
	g_autofree char *shut = g_strconcat(top, "/shut/file", NULL);
	const int fd = open(shut, O_PATH | O_CLOEXEC), pid = getpid();
	g_autofree char *ours = g_strdup_printf("/proc/self/fd/%d", fd);
	g_autofree char *numbered = g_strdup_printf("/proc/%d/task/%d/fd/%d", pid, pid, fd);

	if (getuid() != 0) {
		close(fd);
		g_test_skip("needs root");
		return;
	}
	expect_same(ours);
	g_assert_cmpint(creds_override(&caller), ==, 0);
	g_assert_cmpint(path_open(ours), ==, -EACCES);
	g_assert_cmpint(path_open(numbered), ==, -EACCES);
	g_assert_cmpint(path_open("/proc/self/root/usr"), ==, -EACCES);
	g_assert_cmpint(path_open("/proc/thread-self/cwd"), ==, -EACCES);
	expect_same("/proc/mounts");
	creds_revert();
	close(fd);
}

static void test_address(void)
{
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_autofree char *path = g_strconcat(top, "/a/b/s", NULL);
	Address address = {.local.sun_family = AF_UNIX};
	int fd;

	g_strlcpy(address.local.sun_path, path, sizeof address.local.sun_path);
	g_assert_cmpint(bind(listener, &address.any, sizeof address.local), ==, 0);
	g_assert_cmpint(listen(listener, 1), ==, 0);
	fd = path_open(path);
	g_assert_cmpint(fd, >=, 0);
	path_address(fd, &address);
	g_assert_cmpint(connect(client, &address.any, address.length), ==, 0);
	close(fd);
	close(client);
	close(listener);
}

static void test_check(void)
{
	const Caller this_process = {.pid = getpid()}, unknown = {.pid = 0};

	g_assert_cmpint(path_check_caller(&this_process), ==, 0);
	g_assert_cmpint(path_check_caller(&unknown), ==, -EXDEV);
	g_assert_cmpint(path_check_mount("/proc/self/not-there"), ==, 0);
	g_assert_cmpint(path_check_mount("/not-there/x"), ==, -ENOENT);
}

int main(int argc, char **argv)
{
	int result;

	g_test_init(&argc, &argv, NULL);
	make_tree();
	g_test_add_func("/path/same", test_same);
	g_test_add_func("/path/long", test_long);
	g_test_add_func("/path/caller", test_caller);
	g_test_add_func("/path/daemon", test_daemon);
	g_test_add_func("/path/address", test_address);
	g_test_add_func("/path/check", test_check);
	result = g_test_run();
	remove_tree();
	return result;
}
