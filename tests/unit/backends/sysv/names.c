#include "backends/sysv/names.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>

/* Each test has a directory of its own, with a names file in it. */
typedef struct Fixture {
	char *folder, *file;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer unused)
{
	fixture->folder = g_dir_make_tmp("names-XXXXXX", NULL);
	g_assert_nonnull(fixture->folder);
	fixture->file = g_build_filename(fixture->folder, "names", NULL);
	names_start(fixture->file);
}

static void tear_down(Fixture *fixture, gconstpointer unused)
{
	g_autoptr(GDir) dir = g_dir_open(fixture->folder, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(fixture->folder, name, NULL);

		g_remove(path);
	}
	g_assert_cmpint(g_rmdir(fixture->folder), ==, 0);
	g_free(fixture->folder);
	g_free(fixture->file);
}

static const Named none = {0};

static Named by_key(uint32_t key)
{
	return (Named){.key = key};
}

static Named by_id(int id)
{
	return (Named){.id = id};
}

static void assert_names(const char *type, const char *name, Named expected)
{
	Named object = {.key = 4711, .id = 4711};
	char stored[NAME_MAX + 1];

	g_assert_true(names_lookup(type, name, &object));
	g_assert_cmpuint(object.key, ==, expected.key);
	if (!expected.key)
		g_assert_cmpint(object.id, ==, expected.id);
	g_assert_true(names_of(type, expected, stored));
	g_assert_cmpstr(stored, ==, name);
}

static void assert_no_name(const char *type, const char *name)
{
	Named object = {.key = 4711, .id = 4712};

	g_assert_false(names_lookup(type, name, &object));
	g_assert_cmpuint(object.key, ==, 4711);
	g_assert_cmpint(object.id, ==, 4712);
}

static void assert_nameless(const char *type, Named object)
{
	char name[NAME_MAX + 1];

	g_assert_false(names_of(type, object, name));
}

static char *contents(const char *file)
{
	char *text = NULL;

	g_file_get_contents(file, &text, NULL, NULL);
	return text;
}

static void test_valid(void)
{
	g_autofree char *longest = g_strnfill(NAME_MAX, 'x');
	g_autofree char *longer = g_strnfill(NAME_MAX + 1, 'x');

	g_assert_true(names_valid("jobs"));
	g_assert_true(names_valid("two words"));
	g_assert_true(names_valid("x0x1"));
	g_assert_true(names_valid("id"));
	g_assert_true(names_valid("1234"));
	g_assert_true(names_valid(longest));
	g_assert_false(names_valid(longer));
	g_assert_false(names_valid(""));
	g_assert_false(names_valid("0x1"));
	g_assert_false(names_valid("0xylophone"));
	g_assert_false(names_valid("id-3"));
	g_assert_false(names_valid("id-entity"));
	g_assert_false(names_valid("a/b"));
	g_assert_false(names_valid("a\nb"));
}

static void test_add(Fixture *fixture, gconstpointer unused)
{
	g_autofree char *text = NULL;

	assert_no_name("msg", "jobs");
	g_assert_cmpint(names_add("msg", "jobs", by_key(0x162e)), ==, 0);
	assert_names("msg", "jobs", by_key(0x162e));
	text = contents(fixture->file);
	g_assert_cmpstr(text, ==, "msg 0x0000162e jobs\n");
}

static void test_kinds(Fixture *fixture, gconstpointer unused)
{
	g_assert_cmpint(names_add("msg", "jobs", by_key(1)), ==, 0);
	g_assert_cmpint(names_add("sem", "jobs", by_key(1)), ==, 0);
	g_assert_cmpint(names_add("shm", "jobs", by_key(2)), ==, 0);
	assert_names("msg", "jobs", by_key(1));
	assert_names("sem", "jobs", by_key(1));
	assert_names("shm", "jobs", by_key(2));
	g_assert_cmpint(names_drop("sem", by_key(1)), ==, 0);
	assert_no_name("sem", "jobs");
	assert_names("msg", "jobs", by_key(1));
}

/* An object made with IPC_PRIVATE has no key, so the file has its id. 0 is a valid id. */
static void test_private(Fixture *fixture, gconstpointer unused)
{
	g_autofree char *text = NULL;

	g_assert_cmpint(names_add("shm", "frame", by_id(32769)), ==, 0);
	g_assert_cmpint(names_add("msg", "first", by_id(0)), ==, 0);
	assert_names("shm", "frame", by_id(32769));
	assert_names("msg", "first", by_id(0));
	assert_nameless("shm", by_key(32769));
	text = contents(fixture->file);
	g_assert_nonnull(strstr(text, "shm id-32769 frame\n"));
	g_assert_nonnull(strstr(text, "msg id-0 first\n"));
	names_start(fixture->file);
	assert_names("shm", "frame", by_id(32769));
	assert_names("msg", "first", by_id(0));
}

static void test_blanks(Fixture *fixture, gconstpointer unused)
{
	g_assert_cmpint(names_add("msg", " two  words ", by_key(5)), ==, 0);
	g_assert_cmpint(names_add("msg", "äöü\t#", by_key(6)), ==, 0);
	names_start(fixture->file);
	assert_names("msg", " two  words ", by_key(5));
	assert_names("msg", "äöü\t#", by_key(6));
}

static void test_taken(Fixture *fixture, gconstpointer unused)
{
	g_assert_cmpint(names_add("msg", "jobs", by_key(1)), ==, 0);
	g_assert_cmpint(names_add("msg", "jobs", by_key(2)), ==, -EEXIST);
	assert_names("msg", "jobs", by_key(1));
	assert_nameless("msg", by_key(2));
}

static void test_same_name(Fixture *fixture, gconstpointer unused)
{
	for (int i = 0; i < 3; i++) {
		g_assert_cmpint(names_add("msg", "jobs", by_key(1)), ==, 0);
		assert_names("msg", "jobs", by_key(1));
		names_start(fixture->file);
		assert_names("msg", "jobs", by_key(1));
	}
}

static void test_rename(Fixture *fixture, gconstpointer unused)
{
	g_assert_cmpint(names_add("msg", "jobs", by_key(1)), ==, 0);
	g_assert_cmpint(names_add("msg", "work", by_key(1)), ==, 0);
	for (int i = 0; i < 2; i++) {
		assert_names("msg", "work", by_key(1));
		assert_no_name("msg", "jobs");
		names_start(fixture->file);
	}
	g_assert_cmpint(names_add("msg", "jobs", by_key(2)), ==, 0);
	assert_names("msg", "jobs", by_key(2));
	assert_names("msg", "work", by_key(1));
}

static void test_drop(Fixture *fixture, gconstpointer unused)
{
	g_assert_cmpint(names_drop("msg", by_key(1)), ==, 0);
	g_assert_false(g_file_test(fixture->file, G_FILE_TEST_EXISTS));
	g_assert_cmpint(names_add("msg", "jobs", by_key(1)), ==, 0);
	g_assert_cmpint(names_drop("msg", by_key(2)), ==, 0);
	assert_names("msg", "jobs", by_key(1));
	g_assert_cmpint(names_drop("msg", by_key(1)), ==, 0);
	assert_no_name("msg", "jobs");
	assert_nameless("msg", by_key(1));
	names_start(fixture->file);
	assert_no_name("msg", "jobs");
}

static void test_restart(Fixture *fixture, gconstpointer unused)
{
	for (uint32_t key = 1; key <= 100; key++) {
		g_autofree char *name = g_strdup_printf("q%u", key);

		g_assert_cmpint(names_add("msg", name, by_key(key)), ==, 0);
	}
	names_start(fixture->file);
	for (uint32_t key = 1; key <= 100; key++) {
		g_autofree char *name = g_strdup_printf("q%u", key);

		assert_names("msg", name, by_key(key));
	}
}

static void test_broken_lines(Fixture *fixture, gconstpointer unused)
{
	static const char text[] = "msg 0x00000001 good\n"
				   "\n"
				   "msg\n"
				   "msg 0x00000002\n"
				   "msg 0x00000003 \n"
				   "msg 0x00000004 a/b\n"
				   "msg 0x00000005 0x5\n"
				   "msg 0x00000006 id-6\n"
				   "msg 0x123456789 long\n"
				   "msg 0x nothing\n"
				   "msg 7 decimal\n"
				   "msg id- nothing\n"
				   "msg id--1 negative\n"
				   "msg id-99999999999 large\n"
				   "msg 0x00000000 private\n" /* IPC_PRIVATE is the key of no object */
				   "msg 0x0000000a good\n"    /* the last line for a name, or for an object, counts */
				   "msg 0x0000000a better\n"
				   "msg 0x0000000a better\n"
				   "msg 0x0000000b unfinished";

	g_assert_true(g_file_set_contents(fixture->file, text, -1, NULL));
	assert_names("msg", "better", by_key(10));
	assert_names("msg", "unfinished", by_key(11));
	assert_nameless("msg", by_key(1));
	for (uint32_t key = 2; key <= 7; key++)
		assert_nameless("msg", by_key(key));
	assert_no_name("msg", "good");
	assert_no_name("msg", "");
	assert_no_name("msg", "a/b");
	assert_no_name("msg", "long");
	assert_no_name("msg", "nothing");
	assert_no_name("msg", "decimal");
	assert_no_name("msg", "negative");
	assert_no_name("msg", "large");
	assert_no_name("msg", "private");
	assert_nameless("msg", none);
	/* Names can still be added to such a file. */
	g_assert_cmpint(names_add("msg", "good", by_key(1)), ==, 0);
	assert_names("msg", "good", by_key(1));
	assert_names("msg", "unfinished", by_key(11));
}

/* If the file cannot be made, names_add() fails and adds nothing. */
static void test_no_directory(Fixture *fixture, gconstpointer unused)
{
	g_autofree char *below_file = g_build_filename(fixture->file, "names", NULL);

	g_assert_true(g_file_set_contents(fixture->file, "", -1, NULL));
	names_start(below_file);
	g_assert_cmpint(names_add("msg", "jobs", by_key(1)), <, 0);
	assert_no_name("msg", "jobs");
	assert_nameless("msg", by_key(1));
	g_assert_cmpint(names_drop("msg", by_key(1)), ==, 0);
}

static void test_makes_directory(Fixture *fixture, gconstpointer unused)
{
	g_autofree char *folder = g_build_filename(fixture->folder, "new", NULL);
	g_autofree char *file = g_build_filename(folder, "names", NULL);
	g_autofree char *lock_file = g_strconcat(file, ".lock", NULL);
	struct stat st;

	names_start(file);
	g_assert_cmpint(names_add("msg", "jobs", by_key(1)), ==, 0);
	assert_names("msg", "jobs", by_key(1));
	/* Other users must not open the lock file, since they could then hold the lock for ever. */
	g_assert_cmpint(stat(lock_file, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 0077, ==, 0);
	g_remove(file);
	g_remove(lock_file);
	g_assert_cmpint(g_rmdir(folder), ==, 0);
}

/* Limits the size of files that this process writes. A write beyond the limit fails or is short. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &limit), ==, 0);
	limit.rlim_cur = MIN(bytes, limit.rlim_max);
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
}

static void assert_unchanged(void)
{
	assert_names("msg", "jobs", by_key(1));
	assert_names("msg", "other", by_key(2));
	assert_no_name("msg", "work");
	assert_no_name("msg", "more");
}

/* If the disk is full, the old names stay, in memory and in the file. With room again, names can be added. */
static void test_disk_full(Fixture *fixture, gconstpointer unused)
{
	struct stat st;

	g_assert_cmpint(names_add("msg", "jobs", by_key(1)), ==, 0);
	g_assert_cmpint(names_add("msg", "other", by_key(2)), ==, 0);
	g_assert_cmpint(stat(fixture->file, &st), ==, 0);
	signal(SIGXFSZ, SIG_IGN);
	for (int more = 0; more < 5; more++) {
		limit_files(more ? (rlim_t)st.st_size + (rlim_t)more : 0);
		g_assert_cmpint(names_add("msg", "more", by_key(3)), <, 0);
		g_assert_cmpint(names_add("msg", "work", by_key(1)), <, 0);
		assert_unchanged();
		names_start(fixture->file);
		assert_unchanged();
		limit_files(RLIM_INFINITY);
	}
	g_assert_cmpint(names_add("msg", "more", by_key(3)), ==, 0);
	for (int i = 0; i < 2; i++) {
		assert_names("msg", "jobs", by_key(1));
		assert_names("msg", "more", by_key(3));
		names_start(fixture->file);
	}
}

static void test_file_removed(Fixture *fixture, gconstpointer unused)
{
	g_assert_cmpint(names_add("msg", "jobs", by_key(1)), ==, 0);
	g_assert_cmpint(g_remove(fixture->file), ==, 0);
	assert_no_name("msg", "jobs");
	g_assert_cmpint(names_add("msg", "jobs", by_key(2)), ==, 0);
	assert_names("msg", "jobs", by_key(2));
}

/* Calls run() in another process, which stands for another daemon. Returns 0 if run() does. */
static int run_in_child(const Fixture *fixture, int (*run)(void))
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		names_start(fixture->file);
		_exit(run() ? 1 : 0);
	}
	g_assert_cmpint(child, >, 0);
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	g_assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int add_jobs(void)
{
	return names_add("msg", "jobs", by_key(1));
}

static int add_jobs_2(void)
{
	return names_add("msg", "jobs", by_key(2));
}

static int drop_jobs(void)
{
	return names_drop("msg", by_key(1));
}

static void test_two_daemons(Fixture *fixture, gconstpointer unused)
{
	assert_no_name("msg", "jobs");
	g_assert_cmpint(run_in_child(fixture, add_jobs), ==, 0);
	assert_names("msg", "jobs", by_key(1));
	g_assert_cmpint(names_add("msg", "jobs", by_key(3)), ==, -EEXIST);
	g_assert_cmpint(names_add("msg", "mine", by_key(3)), ==, 0);
	g_assert_cmpint(run_in_child(fixture, add_jobs_2), ==, 1);
	g_assert_cmpint(run_in_child(fixture, drop_jobs), ==, 0);
	assert_no_name("msg", "jobs");
	assert_names("msg", "mine", by_key(3));
}

enum { DAEMONS = 4, EACH = 50 };

/* Several processes add names at the same time, and no name is lost. */
static void test_concurrent(Fixture *fixture, gconstpointer unused)
{
	pid_t daemons[DAEMONS];

	for (int daemon = 0; daemon < DAEMONS; daemon++) {
		daemons[daemon] = fork();
		g_assert_cmpint(daemons[daemon], >=, 0);
		for (int i = 0; daemons[daemon] == 0; i++) {
			g_autofree char *name = g_strdup_printf("q%d-%d", daemon, i);

			if (i == EACH || names_add("msg", name, by_key((uint32_t)(1 + daemon * EACH + i))))
				_exit(i != EACH);
		}
	}
	for (int daemon = 0; daemon < DAEMONS; daemon++) {
		int status;

		g_assert_cmpint(waitpid(daemons[daemon], &status, 0), ==, daemons[daemon]);
		g_assert_cmpint(status, ==, 0);
	}
	for (int daemon = 0; daemon < DAEMONS; daemon++)
		for (int i = 0; i < EACH; i++) {
			g_autofree char *name = g_strdup_printf("q%d-%d", daemon, i);

			assert_names("msg", name, by_key((uint32_t)(1 + daemon * EACH + i)));
		}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/names/valid", test_valid);
#define ADD(name, test) g_test_add("/names/" name, Fixture, NULL, set_up, test, tear_down)
	ADD("add", test_add);
	ADD("kinds", test_kinds);
	ADD("private", test_private);
	ADD("blanks", test_blanks);
	ADD("taken", test_taken);
	ADD("same-name", test_same_name);
	ADD("rename", test_rename);
	ADD("drop", test_drop);
	ADD("restart", test_restart);
	ADD("broken-lines", test_broken_lines);
	ADD("no-directory", test_no_directory);
	ADD("makes-directory", test_makes_directory);
	ADD("disk-full", test_disk_full);
	ADD("file-removed", test_file_removed);
	ADD("two-daemons", test_two_daemons);
	ADD("concurrent", test_concurrent);
	return g_test_run();
}
