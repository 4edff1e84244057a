#include "backends/core/helper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

#include "backends/core/credentials.h"
#include "backends/core/refusal.h"

enum { LOOK_MS = 10 /* how often it is looked at */ };

/* What the child is to know. */
typedef struct HelperSpec {
	const HelperProcess *deputy;
	bool played; /* it has the daemon's real uid, and the caller's effective one */
	uid_t uid;
	gid_t gid;
	int kept[DEPUTY_KEPT + 1]; /* ascending; -1: none */
	int out;
} HelperSpec;

/* -- The child ------------------------------------------------------------------------------------------------------ */

/* Whatever else the daemon has open lives no longer for it. */
static void keep_descriptors(const HelperSpec *mission)
{
	unsigned first = STDERR_FILENO + 1;

	for (int i = 0; i < DEPUTY_KEPT + 1; i++) {
		if (mission->kept[i] < 0)
			continue;
		if ((unsigned)mission->kept[i] > first)
			close_range(first, (unsigned)mission->kept[i] - 1, 0);
		first = (unsigned)mission->kept[i] + 1;
	}
	close_range(first, ~0U, 0);
}

/* Raw calls: libc's look for the other threads, which are not here. The groups are the caller's already. */
static int become_caller(const HelperSpec *mission)
{
	const HelperProcess *deputy = mission->deputy;

	if (mission->played && syscall(SYS_setresuid, -1, 0, -1))
		return -errno;
	if (deputy->prepare)
		deputy->prepare(deputy->data);
	if (mission->played && (syscall(SYS_setresgid, mission->gid, mission->gid, mission->gid) ||
				syscall(SYS_setresuid, mission->uid, mission->uid, mission->uid)))
		return -errno;
	return 0;
}

static void G_GNUC_NORETURN child(const HelperSpec *mission)
{
	HelperReport report = {0};

	keep_descriptors(mission);
	umask(0);
	report.result = become_caller(mission);
	if (report.result == 0)
		report = mission->deputy->act(mission->deputy->data);
	/* Where nobody reads it, nobody wants to know. */
	if (write(mission->out, &report, sizeof report) < 0)
		_exit(1);
	_exit(0);
}

/* -- The parent ----------------------------------------------------------------------------------------------------- */

/* Waits for the report. False: the child has ended without one, or will. */
static bool hear(const HelperProcess *deputy, pid_t pid, int in, HelperReport *out)
{
	struct pollfd report = {.fd = in, .events = POLLIN};

	for (int waited = 0; deputy->most_ms == 0 || waited < deputy->most_ms; waited += LOOK_MS) {
		siginfo_t state = {0};

		if (poll(&report, 1, LOOK_MS) > 0)
			return read(in, out, sizeof *out) == (ssize_t)sizeof *out;
		if (waitid(P_PID, (id_t)pid, &state, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
		    state.si_code == CLD_STOPPED)
			break;
		if (deputy->over && deputy->over(deputy->data))
			break;
	}
	return false;
}

/* The child is our own and nobody has waited for it: its number is still its own. */
static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitid(P_PID, (id_t)pid, NULL, WEXITED) < 0 && errno == EINTR)
		;
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int helper_send(const HelperProcess *deputy, HelperReport *out)
{
	HelperSpec mission = {
		.deputy = deputy,
		.played = creds_overridden(),
		.uid = geteuid(),
		.gid = getegid(),
	};
	bool heard = false;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return refuse(ENFILE, "the daemon has no descriptor left");
	mission.out = mission.kept[DEPUTY_KEPT] = ends[1];
	memcpy(mission.kept, deputy->kept, sizeof deputy->kept);
	qsort(mission.kept, G_N_ELEMENTS(mission.kept), sizeof mission.kept[0], compare);
	pid = _Fork();
	if (pid == 0)
		child(&mission);
	close(ends[1]);
	if (pid > 0) {
		heard = hear(deputy, pid, ends[0], out);
		creds_raise();
		end_child(pid);
		creds_lower();
	}
	close(ends[0]);
	if (pid < 0)
		return refuse(EAGAIN, "no process can be started to do this for you");
	return heard ? 0 : -EINTR;
}
