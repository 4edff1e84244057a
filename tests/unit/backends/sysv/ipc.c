/*
 * Decisions of ipc.c that need no system call: permissions and keys. The table of permissions is also checked against the kernel:
 * every caller in it requests every right on queues of every mode, in an IPC namespace of the test's own.
 */
#include "backends/sysv/ipc.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	OWNER = 1001,
	CREATOR = 1002,
	STRANGER = 1003,
	OWNER_GROUP = 2001,
	CREATOR_GROUP = 2002,
	STRANGE_GROUP = 2003,
	MODES = 64, /* of read and write bits */
	BOTH = RIGHT_READ | RIGHT_WRITE
};

static const gid_t strange_groups[] = {2003, 2004};
static const gid_t of_owner[] = {2003, OWNER_GROUP};
static const gid_t of_creator[] = {CREATOR_GROUP, 2003};

static const struct {
	const char *who;
	Caller caller;
	int shift; /* where the caller's bits are in the mode; -1: has every right */
	bool owns;
} table[] = {
	{"root", {0, STRANGE_GROUP, 0, NULL, 0}, -1, true},
	{"owner", {OWNER, STRANGE_GROUP, 0, NULL, 0}, 6, true},
	{"owner, in the group too", {OWNER, OWNER_GROUP, 0, of_owner, 2}, 6, true},
	{"creator", {CREATOR, STRANGE_GROUP, 0, strange_groups, 2}, 6, true},
	{"owner's group", {STRANGER, OWNER_GROUP, 0, NULL, 0}, 3, false},
	{"creator's group", {STRANGER, CREATOR_GROUP, 0, strange_groups, 2}, 3, false},
	{"owner's group, supplementary", {STRANGER, STRANGE_GROUP, 0, of_owner, 2}, 3, false},
	{"creator's group, supplementary", {STRANGER, STRANGE_GROUP, 0, of_creator, 2}, 3, false},
	{"other", {STRANGER, STRANGE_GROUP, 0, strange_groups, 2}, 0, false},
	{"other without groups", {STRANGER, STRANGE_GROUP, 0, NULL, 0}, 0, false},
	{"root's group does not matter", {STRANGER, 0, 0, NULL, 0}, 0, false},
};

/* The n-th mode of read and write bits. */
static mode_t nth_mode(int n)
{
	return (mode_t)((n & 060) << 3 | (n & 014) << 2 | (n & 3) << 1);
}

static const struct ipc_perm sample = {
	.uid = OWNER,
	.gid = OWNER_GROUP,
	.cuid = CREATOR,
	.cgid = CREATOR_GROUP,
};

static int expected(size_t desc, mode_t mode, int rights)
{
	if (table[desc].shift < 0)
		return 0;
	if ((rights & RIGHT_OWN) && !table[desc].owns)
		return -EPERM;
	return rights & BOTH & ~(mode >> table[desc].shift) ? -EACCES : 0;
}

static void test_table(void)
{
	for (size_t desc = 0; desc < G_N_ELEMENTS(table); desc++)
		for (int n = 0; n < MODES; n++)
			for (int rights = RIGHT_WRITE; rights <= (BOTH | RIGHT_OWN); rights += 2) {
				struct ipc_perm perm = sample;

				perm.mode = nth_mode(n);
				g_test_message("%s, mode %04o, rights %d", table[desc].who, nth_mode(n), rights);
				g_assert_cmpint(sysv_perm_check(&perm, &table[desc].caller, rights), ==,
						expected(desc, nth_mode(n), rights));
			}
}

static int become(const Caller *caller)
{
	return setgroups((size_t)caller->ngroups, caller->groups) || setresgid(caller->gid, caller->gid, caller->gid) ||
	       setresuid(caller->uid, caller->uid, caller->uid);
}

static bool child_succeeds(pid_t child)
{
	int status;

	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static key_t nth_key(int n)
{
	return 0x1000 + n;
}

/* Makes queues of the sample's owner and creator, one of each mode. */
static void make_queues(int *ids)
{
	const Caller creator = {.uid = CREATOR, .gid = CREATOR_GROUP};
	pid_t child = fork();

	if (child == 0) {
		if (become(&creator))
			_exit(1);
		for (int n = 0; n < MODES; n++)
			if (msgget(nth_key(n), IPC_CREAT | IPC_EXCL | 0600) < 0)
				_exit(1);
		_exit(0);
	}
	g_assert_true(child_succeeds(child));
	for (int n = 0; n < MODES; n++) {
		struct msqid_ds ds;

		ids[n] = msgget(nth_key(n), 0);
		g_assert_cmpint(msgctl(ids[n], IPC_STAT, &ds), ==, 0);
		ds.msg_perm.uid = OWNER;
		ds.msg_perm.gid = OWNER_GROUP;
		ds.msg_perm.mode = nth_mode(n);
		g_assert_cmpint(msgctl(ids[n], IPC_SET, &ds), ==, 0);
		g_assert_cmpint(msgctl(ids[n], IPC_STAT, &ds), ==, 0);
		g_assert_cmpuint(ds.msg_perm.cuid, ==, CREATOR);
		g_assert_cmpuint(ds.msg_perm.cgid, ==, CREATOR_GROUP);
	}
}

/* The result of the native call for this process. */
static int kernel_verdict(int n, int id, int rights)
{
	struct msqid_ds ds = {.msg_perm = {.uid = OWNER, .gid = OWNER_GROUP, .mode = nth_mode(n)}, .msg_qbytes = 100};

	if (rights & RIGHT_OWN)
		return msgctl(id, IPC_SET, &ds) ? -errno : 0;
	return msgget(nth_key(n), rights << 6) < 0 ? -errno : 0;
}

/* In a child: the number of verdicts that differ. */
static int differences(size_t desc, const int *ids)
{
	static const int asked[] = {RIGHT_READ, RIGHT_WRITE, BOTH, RIGHT_OWN};
	int differing = 0;

	if (become(&table[desc].caller))
		return 255;
	for (int n = 0; n < MODES; n++)
		for (size_t i = 0; i < G_N_ELEMENTS(asked); i++) {
			struct ipc_perm perm = sample;
			int kernel = kernel_verdict(n, ids[n], asked[i]), ours;

			perm.mode = nth_mode(n);
			ours = sysv_perm_check(&perm, &table[desc].caller, asked[i]);
			if (ours != kernel && ++differing)
				fprintf(stderr, "# %s, mode %04o, rights %d: kernel: %d, sysv_perm_check: %d\n",
					table[desc].who, nth_mode(n), asked[i], kernel, ours);
		}
	return MIN(differing, 254);
}

static void test_kernel(void)
{
	int ids[MODES];

	if (geteuid() != 0 || unshare(CLONE_NEWIPC)) {
		g_test_skip("needs root and an IPC namespace of its own");
		return;
	}
	make_queues(ids);
	for (size_t desc = 0; desc < G_N_ELEMENTS(table); desc++) {
		pid_t child = fork();

		if (child == 0)
			_exit(differences(desc, ids));
		g_assert_true(child_succeeds(child));
	}
}

/* Vectors of 32-bit FNV-1a as its authors publish them. */
static void test_key(void)
{
	g_assert_cmphex(sysv_key_of_name(""), ==, 0x811c9dc5);
	g_assert_cmphex(sysv_key_of_name("a"), ==, 0xe40c292c);
	g_assert_cmphex(sysv_key_of_name("b"), ==, 0xe70c2de5);
	g_assert_cmphex(sysv_key_of_name("foobar"), ==, 0xbf9cf968);
	g_assert_cmphex(sysv_key_of_name("\xff"), ==, 0x7a0b824e);
	/* 0 would be IPC_PRIVATE. */
	g_assert_cmphex(sysv_key_of_name("\xcc\x24\x31\xc4"), ==, 1);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ipc/perm/table", test_table);
	g_test_add_func("/ipc/perm/kernel", test_kernel);
	g_test_add_func("/ipc/key", test_key);
	return g_test_run();
}
