/*
 * glibc's setresuid and its like change every thread of the process (nptl(7)); the raw system calls change this one.
 */
#include "backends/core/credentials.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Thread_local pid_t asker; /* of whom this thread works for, also where that takes no other ids */

static _Thread_local struct {
	bool assumed;
	int suspended; /* depth */
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	int ngroups;
} played;

/* (uid_t)-1 would mean "as it is". */
enum { NOBODYS_UID = -2 };

static int set_uids(uid_t real, uid_t effective)
{
	return syscall(SYS_setresuid, real, effective, (uid_t)-1) ? -errno : 0;
}

static int become(uid_t uid, gid_t gid, const gid_t *groups, int ngroups)
{
	/* Groups first, while this thread may still change them. */
	if (syscall(SYS_setgroups, ngroups, groups) || syscall(SYS_setresgid, (gid_t)-1, gid, (gid_t)-1))
		return -errno;
	return set_uids((uid_t)-1, uid);
}

static void become_daemon(void)
{
	/* A thread that cannot come back must not serve anybody else. */
	if (set_uids(0, 0) || syscall(SYS_setresgid, (gid_t)-1, 0, (gid_t)-1) || syscall(SYS_setgroups, 0, NULL))
		g_error("cannot return to the daemon's own ids: %s", g_strerror(errno));
}

int creds_override(const Caller *caller)
{
	int result;

	g_assert(!played.assumed);
	asker = caller->pid;
	if (getuid() != 0)
		return caller->uid == geteuid() ? 0 : -EPERM;
	if (caller->uid == 0)
		return 0;
	result = become(caller->uid, caller->gid, caller->groups, caller->ngroups);
	if (result < 0) {
		become_daemon();
		return result;
	}
	played.assumed = true;
	played.uid = caller->uid;
	played.gid = caller->gid;
	played.groups = caller->groups;
	played.ngroups = caller->ngroups;
	return 0;
}

int creds_override_sender(const Caller *caller)
{
	int result = creds_override(caller);

	if (result < 0 || !played.assumed)
		return result;
	/* Setting the real uid takes privilege: the saved uid 0 is where it comes from. */
	result = set_uids((uid_t)-1, 0);
	if (result == 0)
		result = set_uids((uid_t)NOBODYS_UID, caller->uid);
	if (result < 0)
		creds_revert();
	return result;
}

void creds_revert(void)
{
	asker = 0;
	if (!played.assumed)
		return;
	become_daemon();
	played.assumed = false;
}

bool creds_overridden(void)
{
	return played.assumed;
}

pid_t creds_caller_pid(void)
{
	return asker;
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
	if (played.assumed && played.suspended++ == 0)
		become_daemon();
}

void creds_lower(void)
{
	if (!played.assumed || --played.suspended > 0)
		return;
	if (become(played.uid, played.gid, played.groups, played.ngroups))
		g_error("cannot play uid %u again: %s", played.uid, g_strerror(errno));
}
