/*
 * Credentials of the calling thread: see credentials.h. glibc's setresuid(3) and similar functions change all threads of the
 * process (nptl(7)); this file makes raw system calls, which change the calling thread only.
 */
#include "backends/core/credentials.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Thread_local pid_t caller_pid;

static _Thread_local struct {
	bool active;
	int raised; /* depth of creds_raise() */
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	int ngroups;
} override;

enum { UNUSED_UID = -2 /* -1 would leave the uid unchanged */ };

static int set_uids(uid_t real, uid_t effective)
{
	return syscall(SYS_setresuid, real, effective, (uid_t)-1) ? -errno : 0;
}

static int set_caller_ids(uid_t uid, gid_t gid, const gid_t *groups, int ngroups)
{
	/* The uid comes last: without uid 0 the thread may not change its groups. */
	if (syscall(SYS_setgroups, ngroups, groups) || syscall(SYS_setresgid, (gid_t)-1, gid, (gid_t)-1))
		return -errno;
	return set_uids((uid_t)-1, uid);
}

static void restore_daemon_ids(void)
{
	/* A thread that keeps a caller's ids must not serve other callers. */
	if (set_uids(0, 0) || syscall(SYS_setresgid, (gid_t)-1, 0, (gid_t)-1) || syscall(SYS_setgroups, 0, NULL))
		g_error("cannot return to the daemon's own ids: %s", g_strerror(errno));
}

int creds_override(const Caller *caller)
{
	int result;

	g_assert(!override.active);
	caller_pid = caller->pid;
	if (getuid() != 0)
		return caller->uid == geteuid() ? 0 : -EPERM;
	if (caller->uid == 0)
		return 0;
	result = set_caller_ids(caller->uid, caller->gid, caller->groups, caller->ngroups);
	if (result < 0) {
		restore_daemon_ids();
		return result;
	}
	override.active = true;
	override.uid = caller->uid;
	override.gid = caller->gid;
	override.groups = caller->groups;
	override.ngroups = caller->ngroups;
	return 0;
}

int creds_override_sender(const Caller *caller)
{
	int result = creds_override(caller);

	if (result < 0 || !override.active)
		return result;
	/* Only uid 0, which the saved uid still is, may set the real uid. */
	result = set_uids((uid_t)-1, 0);
	if (result == 0)
		result = set_uids((uid_t)UNUSED_UID, caller->uid);
	if (result < 0)
		creds_revert();
	return result;
}

void creds_revert(void)
{
	caller_pid = 0;
	if (!override.active)
		return;
	restore_daemon_ids();
	override.active = false;
}

bool creds_overridden(void)
{
	return override.active;
}

pid_t creds_caller_pid(void)
{
	return caller_pid;
}

void creds_copy(Caller *out, const Caller *caller)
{
	*out = *caller;
	out->groups = g_memdup2(caller->groups, caller->ngroups * sizeof *caller->groups);
}

void creds_clear(Caller *caller)
{
	g_free((gid_t *)caller->groups);
	*caller = (Caller){0};
}

void creds_raise(void)
{
	if (override.active && override.raised++ == 0)
		restore_daemon_ids();
}

void creds_lower(void)
{
	if (!override.active || --override.raised > 0)
		return;
	if (set_caller_ids(override.uid, override.gid, override.groups, override.ngroups))
		g_error("cannot take the ids of uid %u again: %s", override.uid, g_strerror(errno));
}
