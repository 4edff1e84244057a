/*
 * Resizing of a System V segment while another program interferes. The test defines shmctl() and shmget() itself, so that it can
 * act as that program at the very moment of each race. Runs in an IPC namespace of its own.
 */
#include "backends/sysv/names.h"
#include "backends/sysv/shm_resize.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/core/refusal.h"
#include "backends/sysv/shm_memory.h"
#include "backends/sysv/shm_segment.h"

enum { KEY = 0x1234, SIZE = 5000, LARGER = 20000 };

/* The actions of the other program. Each is called once. */
static void (*before_removal)(int id);
static void (*after_removal)(void);
static void (*after_creation)(int id);
static void (*after_hiding)(int id); /* called once the old segment has the mode 0 */
static void (*during_copy)(int id);  /* called while the daemon has the new segment attached */

static char *attached; /* by the other program */
static int old_id;

static void call_once(void (**function)(int id), int id)
{
	void (*action)(int id) = *function;

	*function = NULL;
	if (action)
		action(id);
}

int shmctl(int id, int command, struct shmid_ds *ds)
{
	struct shmid_ds stat;
	bool is_old = syscall(SYS_shmctl, id, IPC_STAT, &stat) == 0 && stat.shm_perm.__key == KEY;
	int result;

	if (command == IPC_RMID && is_old)
		call_once(&before_removal, id);
	if (command == IPC_STAT && is_old && id != old_id && stat.shm_nattch > 0)
		call_once(&during_copy, id);
	result = (int)syscall(SYS_shmctl, id, command, ds);
	if (command == IPC_RMID && is_old && after_removal) {
		after_removal();
		after_removal = NULL;
	}
	if (command == IPC_SET && is_old && (ds->shm_perm.mode & 0777) == 0)
		call_once(&after_hiding, id);
	return result;
}

int shmget(key_t key, size_t size, int flags)
{
	int id = (int)syscall(SYS_shmget, key, size, flags);

	if (key == KEY && id >= 0 && (flags & IPC_CREAT))
		call_once(&after_creation, id);
	return id;
}

static void attach(int id)
{
	attached = shmat(id, NULL, 0);
	g_assert_true(attached != (char *)-1);
}

static void take_key(void)
{
	g_assert_cmpint(syscall(SYS_shmget, KEY, 100, IPC_CREAT | IPC_EXCL | 0600), >=, 0);
}

/* A segment with "hello" at its start. */
static Object make_segment(void)
{
	int id = shmget(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0640);
	char *at = shmat(id, NULL, 0);

	g_assert_true(at != (char *)-1);
	strcpy(at, "hello");
	shmdt(at);
	return (Object){.id = id};
}

static SysvStat stat_of(int id)
{
	SysvStat stat;

	g_assert_cmpint(sysv_load_id(&sysv_shm_type, id, &stat), ==, 0);
	return stat;
}

static void assert_contents(int id, const char *expected)
{
	char *at = shmat(id, NULL, SHM_RDONLY);

	g_assert_true(at != (char *)-1);
	g_assert_cmpstr(at, ==, expected);
	shmdt(at);
}

static void remove_segment(int id)
{
	g_assert_cmpint(shmctl(id, IPC_RMID, NULL), ==, 0);
}

static void test_alone(void)
{
	const Object object = make_segment();

	g_assert_cmpint(sysv_shm_resize(&object, &sysv_shm_data, LARGER), ==, 0);
	int id = sysv_shm_id(&object);
	SysvStat stat = stat_of(id);

	g_assert_cmpint(id, !=, (int)object.id);
	g_assert_cmpint(id, ==, shmget(KEY, 0, 0));
	g_assert_cmpuint(stat.shm.shm_segsz, ==, LARGER);
	g_assert_cmpuint(stat.perm.mode, ==, 0640);
	g_assert_cmpuint(stat.shm.shm_nattch, ==, 0);
	assert_contents(id, "hello");
	g_assert_cmpint(sysv_shm_count_attached((int)object.id), ==, -1);
	/* A chain of renumbered segments. */
	g_assert_cmpint(sysv_shm_resize(&object, &sysv_shm_data, SIZE), ==, 0);
	g_assert_cmpint(sysv_shm_id(&object), ==, shmget(KEY, 0, 0));
	remove_segment(sysv_shm_id(&object));
}

static void test_attached_before(void)
{
	const Object object = make_segment();

	attach((int)object.id);
	g_assert_cmpint(sysv_shm_resize(&object, &sysv_shm_data, LARGER), ==, -EBUSY);
	g_assert_cmpint(shmget(KEY, 0, 0), ==, (int)object.id);
	g_assert_cmpuint(stat_of((int)object.id).perm.mode, ==, 0640);
	shmdt(attached);
	remove_segment((int)object.id);
}

/* The other program attaches between the last check and IPC_RMID. It has the old memory then, and the caller learns of it. */
static void test_attached_during_removal(void)
{
	const Object object = make_segment();

	before_removal = attach;
	refusal_forget();
	g_assert_cmpint(sysv_shm_resize(&object, &sysv_shm_data, LARGER), ==, -EBUSY);
	g_assert_null(before_removal);
	g_assert_nonnull(strstr(refusal_note(), "attached while it was resized"));
	g_assert_cmpstr(attached, ==, "hello");
	assert_contents(sysv_shm_id(&object), "hello");
	shmdt(attached);
	remove_segment(sysv_shm_id(&object));
}

static void test_attached_during_copy(void)
{
	const Object object = make_segment();

	after_creation = attach;
	refusal_forget();
	g_assert_cmpint(sysv_shm_resize(&object, &sysv_shm_data, LARGER), ==, -EBUSY);
	g_assert_null(after_creation);
	g_assert_nonnull(strstr(refusal_note(), "attached while it was resized"));
	assert_contents(sysv_shm_id(&object), "hello");
	shmdt(attached);
	remove_segment(sysv_shm_id(&object));
}

/* Another process, which knows the old id, attaches the old segment after IPC_RMID, writes to it and detaches it. */
static void write_to_old(int new_id)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		char *at = shmat(old_id, NULL, 0);

		if (at == (char *)-1)
			_exit(1);
		strcpy(at, "written");
		_exit(0);
	}
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	g_assert_cmpint(status, ==, 0);
}

static void test_attached_for_a_moment(void)
{
	const Object object = make_segment();

	old_id = (int)object.id;
	after_creation = write_to_old;
	refusal_forget();
	g_assert_cmpint(sysv_shm_resize(&object, &sysv_shm_data, LARGER), ==, -EBUSY);
	g_assert_nonnull(strstr(refusal_note(), "attached while it was resized"));
	remove_segment(sysv_shm_id(&object));
}

/* A helper process of the daemon begins and ends. */
static void run_helper(int id)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
}

static void test_helper_process(void)
{
	const Object object = make_segment();

	after_creation = run_helper;
	g_assert_cmpint(sysv_shm_resize(&object, &sysv_shm_data, LARGER), ==, 0);
	remove_segment(sysv_shm_id(&object));
}

/* The contents stay under the old id. The other program's segment is left alone. */
static void test_key_taken(void)
{
	const Object object = make_segment();
	int taken;

	after_removal = take_key;
	refusal_forget();
	g_assert_cmpint(sysv_shm_resize(&object, &sysv_shm_data, LARGER), ==, -EEXIST);
	g_assert_nonnull(strstr(refusal_note(), "copy the contents from id-"));
	g_assert_cmpint(sysv_shm_id(&object), ==, (int)object.id);
	g_assert_cmpuint(stat_of((int)object.id).perm.mode & 0777, ==, 0640);
	assert_contents((int)object.id, "hello");
	taken = shmget(KEY, 0, 0);
	g_assert_cmpuint(stat_of(taken).shm.shm_segsz, ==, 100);
	remove_segment(taken);
}

static void remove_natively(int id)
{
	g_assert_cmpint(syscall(SYS_shmctl, id, IPC_RMID, NULL), ==, 0);
}

static void remove_and_take_key(int id)
{
	remove_natively(id);
	take_key();
}

/* A removed segment does not come back under its key. */
static void test_removed(void)
{
	const Object object = make_segment();

	after_hiding = remove_natively;
	g_assert_cmpint(sysv_shm_resize(&object, &sysv_shm_data, LARGER), ==, -EIDRM);
	g_assert_cmpint(shmget(KEY, 0, 0), ==, -1);
	g_assert_cmpint(sysv_shm_count_attached((int)object.id), ==, -1);
}

/* The daemon does not keep the memory of a removed segment whose key is in use again. */
static void test_removed_and_key_taken(void)
{
	const Object object = make_segment();

	after_hiding = remove_and_take_key;
	g_assert_cmpint(sysv_shm_resize(&object, &sysv_shm_data, LARGER), ==, -EIDRM);
	g_assert_cmpint(sysv_shm_count_attached((int)object.id), ==, -1);
	remove_segment(shmget(KEY, 0, 0));
}

static void remove_in_tree(int id)
{
	const Object object = {.id = old_id};

	g_assert_cmpint(sysv_remove(&sysv_shm_type, &object), ==, 0);
}

/* rmdir(2) of a segment whose contents are being copied removes the new segment. */
static void test_removed_during_copy(void)
{
	const Object object = make_segment();

	old_id = (int)object.id;
	during_copy = remove_in_tree;
	g_assert_cmpint(sysv_shm_resize(&object, &sysv_shm_data, LARGER), ==, 0);
	g_assert_null(during_copy);
	g_assert_cmpint(shmget(KEY, 0, 0), ==, -1);
}

/* The new segment is removed before the contents are in it. Nothing is kept. */
static void test_new_removed(void)
{
	const Object object = make_segment();

	after_creation = remove_natively;
	g_assert_cmpint(sysv_shm_resize(&object, &sysv_shm_data, LARGER), ==, -EIDRM);
	g_assert_cmpint(sysv_shm_count_attached((int)object.id), ==, -1);
}

static void skip(void)
{
	g_test_skip("needs root and an IPC namespace of its own");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	if (geteuid() != 0 || unshare(CLONE_NEWIPC)) {
		g_test_add_func("/shm_resize/skipped", skip);
		return g_test_run();
	}
	names_start("/nonexistent/names"); /* no object has a name */
	g_test_add_func("/shm_resize/alone", test_alone);
	g_test_add_func("/shm_resize/attached_before", test_attached_before);
	g_test_add_func("/shm_resize/attached_during_removal", test_attached_during_removal);
	g_test_add_func("/shm_resize/attached_during_copy", test_attached_during_copy);
	g_test_add_func("/shm_resize/attached_for_a_moment", test_attached_for_a_moment);
	g_test_add_func("/shm_resize/helper_process", test_helper_process);
	g_test_add_func("/shm_resize/key_taken", test_key_taken);
	g_test_add_func("/shm_resize/removed", test_removed);
	g_test_add_func("/shm_resize/removed_and_key_taken", test_removed_and_key_taken);
	g_test_add_func("/shm_resize/removed_during_copy", test_removed_during_copy);
	g_test_add_func("/shm_resize/new_removed", test_new_removed);
	return g_test_run();
}
