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

/* A folder for each test, and the names file in it. */
typedef struct Place {
	char *folder, *file;
} Place;

static void set_up(Place *place, gconstpointer unused)
{
	place->folder = g_dir_make_tmp("names-XXXXXX", NULL);
	g_assert_nonnull(place->folder);
	place->file = g_build_filename(place->folder, "names", NULL);
	names_start(place->file);
}

static void tear_down(Place *place, gconstpointer unused)
{
	g_autoptr(GDir) dir = g_dir_open(place->folder, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(place->folder, name, NULL);

		g_remove(path);
	}
	g_assert_cmpint(g_rmdir(place->folder), ==, 0);
	g_free(place->folder);
	g_free(place->file);
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
	Named found = {.key = 4711, .id = 4711};
	char back[NAME_MAX + 1];

	g_assert_true(names_lookup(type, name, &found));
	g_assert_cmpuint(found.key, ==, expected.key);
	if (!expected.key)
		g_assert_cmpint(found.id, ==, expected.id);
	g_assert_true(names_of(type, expected, back));
	g_assert_cmpstr(back, ==, name);
}

static void assert_no_name(const char *type, const char *name)
{
	Named found = {.key = 4711, .id = 4712};

	g_assert_false(names_lookup(type, name, &found));
	g_assert_cmpuint(found.key, ==, 4711);
	g_assert_cmpint(found.id, ==, 4712);
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

static void test_add(Place *place, gconstpointer unused)
{
	g_autofree char *text = NULL;

	assert_no_name("msg", "jobs");
	g_assert_cmpint(names_add("msg", "jobs", by_key(0x162e)), ==, 0);
	assert_names("msg", "jobs", by_key(0x162e));
	text = contents(place->file);
	g_assert_cmpstr(text, ==, "msg 0x0000162e jobs\n");
}

static void test_kinds(Place *place, gconstpointer unused)
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

/* An object made with IPC_PRIVATE has no key: its id stands for it, 0 being one. */
static void test_private(Place *place, gconstpointer unused)
{
	g_autofree char *text = NULL;

	g_assert_cmpint(names_add("shm", "frame", by_id(32769)), ==, 0);
	g_assert_cmpint(names_add("msg", "first", by_id(0)), ==, 0);
	assert_names("shm", "frame", by_id(32769));
	assert_names("msg", "first", by_id(0));
	assert_nameless("shm", by_key(32769));
	text = contents(place->file);
	g_assert_nonnull(strstr(text, "shm id-32769 frame\n"));
	g_assert_nonnull(strstr(text, "msg id-0 first\n"));
	names_start(place->file);
	assert_names("shm", "frame", by_id(32769));
	assert_names("msg", "first", by_id(0));
}

static void test_blanks(Place *place, gconstpointer unused)
{
	g_assert_cmpint(names_add("msg", " two  words ", by_key(5)), ==, 0);
	g_assert_cmpint(names_add("msg", "äöü\t#", by_key(6)), ==, 0);
	names_start(place->file);
	assert_names("msg", " two  words ", by_key(5));
	assert_names("msg", "äöü\t#", by_key(6));
}

static void test_taken(Place *place, gconstpointer unused)
{
	g_assert_cmpint(names_add("msg", "jobs", by_key(1)), ==, 0);
	g_assert_cmpint(names_add("msg", "jobs", by_key(2)), ==, -EEXIST);
	assert_names("msg", "jobs", by_key(1));
	assert_nameless("msg", by_key(2));
}

static void test_again(Place *place, gconstpointer unused)
{
	for (int i = 0; i < 3; i++) {
		g_assert_cmpint(names_add("msg", "jobs", by_key(1)), ==, 0);
		assert_names("msg", "jobs", by_key(1));
		names_start(place->file);
		assert_names("msg", "jobs", by_key(1));
	}
}

static void test_rename(Place *place, gconstpointer unused)
{
	g_assert_cmpint(names_add("msg", "jobs", by_key(1)), ==, 0);
	g_assert_cmpint(names_add("msg", "work", by_key(1)), ==, 0);
	for (int i = 0; i < 2; i++) {
		assert_names("msg", "work", by_key(1));
		assert_no_name("msg", "jobs");
		names_start(place->file);
	}
	g_assert_cmpint(names_add("msg", "jobs", by_key(2)), ==, 0);
	assert_names("msg", "jobs", by_key(2));
	assert_names("msg", "work", by_key(1));
}

static void test_drop(Place *place, gconstpointer unused)
{
	g_assert_cmpint(names_drop("msg", by_key(1)), ==, 0);
	g_assert_false(g_file_test(place->file, G_FILE_TEST_EXISTS));
	g_assert_cmpint(names_add("msg", "jobs", by_key(1)), ==, 0);
	g_assert_cmpint(names_drop("msg", by_key(2)), ==, 0);
	assert_names("msg", "jobs", by_key(1));
	g_assert_cmpint(names_drop("msg", by_key(1)), ==, 0);
	assert_no_name("msg", "jobs");
	assert_nameless("msg", by_key(1));
	names_start(place->file);
	assert_no_name("msg", "jobs");
}

static void test_restart(Place *place, gconstpointer unused)
{
	for (uint32_t key = 1; key <= 100; key++) {
		g_autofree char *name = g_strdup_printf("q%u", key);

		g_assert_cmpint(names_add("msg", name, by_key(key)), ==, 0);
	}
	names_start(place->file);
	for (uint32_t key = 1; key <= 100; key++) {
		g_autofree char *name = g_strdup_printf("q%u", key);

		assert_names("msg", name, by_key(key));
	}
}

static void test_broken_lines(Place *place, gconstpointer unused)
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
				   "msg 0x0000000a good\n" /* of two lines for a name, or an object, the last counts */
				   "msg 0x0000000a better\n"
				   "msg 0x0000000a better\n"
				   "msg 0x0000000b unfinished";

	g_assert_true(g_file_set_contents(place->file, text, -1, NULL));
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
	/* It can still be written. */
	g_assert_cmpint(names_add("msg", "good", by_key(1)), ==, 0);
	assert_names("msg", "good", by_key(1));
	assert_names("msg", "unfinished", by_key(11));
}

/* Where the file cannot be: refused, and nothing is remembered either. */
static void test_no_place(Place *place, gconstpointer unused)
{
	g_autofree char *below_file = g_build_filename(place->file, "names", NULL);

	g_assert_true(g_file_set_contents(place->file, "", -1, NULL));
	names_start(below_file);
	g_assert_cmpint(names_add("msg", "jobs", by_key(1)), <, 0);
	assert_no_name("msg", "jobs");
	assert_nameless("msg", by_key(1));
	g_assert_cmpint(names_drop("msg", by_key(1)), ==, 0);
}

static void test_makes_folder(Place *place, gconstpointer unused)
{
	g_autofree char *folder = g_build_filename(place->folder, "new", NULL);
	g_autofree char *file = g_build_filename(folder, "names", NULL);
	g_autofree char *lock_file = g_strconcat(file, ".lock", NULL);
	struct stat st;

	names_start(file);
	g_assert_cmpint(names_add("msg", "jobs", by_key(1)), ==, 0);
	assert_names("msg", "jobs", by_key(1));
	/* Whoever could open the lock could hold it for ever. */
	g_assert_cmpint(stat(lock_file, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 0077, ==, 0);
	g_remove(file);
	g_remove(lock_file);
	g_assert_cmpint(g_rmdir(folder), ==, 0);
}

/* No file may be larger than this from now on: larger writes fail, or end short. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &limit), ==, 0);
	limit.rlim_cur = MIN(bytes, limit.rlim_max);
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
}

static void assert_as_before(void)
{
	assert_names("msg", "jobs", by_key(1));
	assert_names("msg", "other", by_key(2));
	assert_no_name("msg", "work");
	assert_no_name("msg", "more");
}

/* A disk that fills up: what was there before still is, here and in the file; and once there is room, all is well. */
static void test_disk_full(Place *place, gconstpointer unused)
{
	struct stat st;

	g_assert_cmpint(names_add("msg", "jobs", by_key(1)), ==, 0);
	g_assert_cmpint(names_add("msg", "other", by_key(2)), ==, 0);
	g_assert_cmpint(stat(place->file, &st), ==, 0);
	signal(SIGXFSZ, SIG_IGN);
	for (int more = 0; more < 5; more++) {
		limit_files(more ? (rlim_t)st.st_size + (rlim_t)more : 0);
		g_assert_cmpint(names_add("msg", "more", by_key(3)), <, 0);
		g_assert_cmpint(names_add("msg", "work", by_key(1)), <, 0);
		assert_as_before();
		names_start(place->file);
		assert_as_before();
		limit_files(RLIM_INFINITY);
	}
	g_assert_cmpint(names_add("msg", "more", by_key(3)), ==, 0);
	for (int i = 0; i < 2; i++) {
		assert_names("msg", "jobs", by_key(1));
		assert_names("msg", "more", by_key(3));
		names_start(place->file);
	}
}

static void test_file_gone(Place *place, gconstpointer unused)
{
	g_assert_cmpint(names_add("msg", "jobs", by_key(1)), ==, 0);
	g_assert_cmpint(g_remove(place->file), ==, 0);
	assert_no_name("msg", "jobs");
	g_assert_cmpint(names_add("msg", "jobs", by_key(2)), ==, 0);
	assert_names("msg", "jobs", by_key(2));
}

/* Runs in a process of its own, as another daemon would, and returns what it returned. */
static int elsewhere(const Place *place, int (*run)(void))
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		names_start(place->file);
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

static void test_two_users(Place *place, gconstpointer unused)
{
	assert_no_name("msg", "jobs");
	g_assert_cmpint(elsewhere(place, add_jobs), ==, 0);
	assert_names("msg", "jobs", by_key(1));
	g_assert_cmpint(names_add("msg", "jobs", by_key(3)), ==, -EEXIST);
	g_assert_cmpint(names_add("msg", "mine", by_key(3)), ==, 0);
	g_assert_cmpint(elsewhere(place, add_jobs_2), ==, 1);
	g_assert_cmpint(elsewhere(place, drop_jobs), ==, 0);
	assert_no_name("msg", "jobs");
	assert_names("msg", "mine", by_key(3));
}

enum { USERS = 4, EACH = 50 };

/* Several write at once: no name of any is lost. */
static void test_at_once(Place *place, gconstpointer unused)
{
	pid_t users[USERS];

	for (int user = 0; user < USERS; user++) {
		users[user] = fork();
		g_assert_cmpint(users[user], >=, 0);
		for (int i = 0; users[user] == 0; i++) {
			g_autofree char *name = g_strdup_printf("q%d-%d", user, i);

			if (i == EACH || names_add("msg", name, by_key((uint32_t)(1 + user * EACH + i))))
				_exit(i != EACH);
		}
	}
	for (int user = 0; user < USERS; user++) {
		int status;

		g_assert_cmpint(waitpid(users[user], &status, 0), ==, users[user]);
		g_assert_cmpint(status, ==, 0);
	}
	for (int user = 0; user < USERS; user++)
		for (int i = 0; i < EACH; i++) {
			g_autofree char *name = g_strdup_printf("q%d-%d", user, i);

			assert_names("msg", name, by_key((uint32_t)(1 + user * EACH + i)));
		}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/names/valid", test_valid);
#define ADD(name, test) g_test_add("/names/" name, Place, NULL, set_up, test, tear_down)
	ADD("add", test_add);
	ADD("kinds", test_kinds);
	ADD("private", test_private);
	ADD("blanks", test_blanks);
	ADD("taken", test_taken);
	ADD("again", test_again);
	ADD("rename", test_rename);
	ADD("drop", test_drop);
	ADD("restart", test_restart);
	ADD("broken-lines", test_broken_lines);
	ADD("no-place", test_no_place);
	ADD("makes-folder", test_makes_folder);
	ADD("disk-full", test_disk_full);
	ADD("file-gone", test_file_gone);
	ADD("two-users", test_two_users);
	ADD("at-once", test_at_once);
	return g_test_run();
}
