/*
 * Helper processes: see helper.h.
 *
 * The child is made with _Fork(2), which takes no lock of libc, and makes raw system calls. It sends its report through a pipe.
 * The parent looks at the child every few milliseconds, because no event reports that a child was stopped.
 */
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

enum { INTERVAL_MS = 10 };

/* The data of the child. */
typedef struct HelperSpec {
	const HelperProcess *helper;
	bool overridden; /* the child starts with the daemon's real uid and the caller's effective uid */
	uid_t uid;
	gid_t gid;
	int descriptors[HELPER_DESCRIPTORS + 1]; /* ascending; -1: none */
	int report_fd;
} HelperSpec;

/* -- The child ---------------------------------------------------------------------------------------------------------- */

/* The other files of the daemon must not stay open as long as the child lives. */
static void close_other_descriptors(const HelperSpec *spec)
{
	unsigned first = STDERR_FILENO + 1;

	for (int i = 0; i < HELPER_DESCRIPTORS + 1; i++) {
		if (spec->descriptors[i] < 0)
			continue;
		if ((unsigned)spec->descriptors[i] > first)
			close_range(first, (unsigned)spec->descriptors[i] - 1, 0);
		first = (unsigned)spec->descriptors[i] + 1;
	}
	close_range(first, ~0U, 0);
}

/*
 * Calls prepare() and takes the caller's ids. Returns 0 or a negative errno. The raw system calls change this thread only;
 * libc's functions look for other threads, which the child does not have. The supplementary groups are the caller's already.
 */
static int become_caller(const HelperSpec *spec)
{
	const HelperProcess *helper = spec->helper;

	if (spec->overridden && syscall(SYS_setresuid, -1, 0, -1))
		return -errno;
	if (helper->prepare)
		helper->prepare(helper->data);
	if (spec->overridden && (syscall(SYS_setresgid, spec->gid, spec->gid, spec->gid) ||
				 syscall(SYS_setresuid, spec->uid, spec->uid, spec->uid)))
		return -errno;
	return 0;
}

static void G_GNUC_NORETURN child_main(const HelperSpec *spec)
{
	HelperReport report = {0};

	close_other_descriptors(spec);
	umask(0);
	report.result = become_caller(spec);
	if (report.result == 0)
		report = spec->helper->act(spec->helper->data);
	if (write(spec->report_fd, &report, sizeof report) < 0)
		_exit(1);
	_exit(0);
}

/* -- The parent --------------------------------------------------------------------------------------------------------- */

/* Waits for the report. Returns false if none will come: the child has exited, is stopped, or has to be ended. */
static bool report_wait(const HelperProcess *helper, pid_t pid, int report_fd, HelperReport *out)
{
	struct pollfd report = {.fd = report_fd, .events = POLLIN};

	for (int waited = 0; helper->timeout_ms == 0 || waited < helper->timeout_ms; waited += INTERVAL_MS) {
		siginfo_t state = {0};

		if (poll(&report, 1, INTERVAL_MS) > 0)
			return read(report_fd, out, sizeof *out) == (ssize_t)sizeof *out;
		if (waitid(P_PID, (id_t)pid, &state, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
		    state.si_code == CLD_STOPPED)
			break;
		if (helper->abandoned && helper->abandoned(helper->data))
			break;
	}
	return false;
}

/* Kills and reaps the child. Only this thread reaps it, so its pid cannot have been reused. Called with the daemon's own ids. */
static void child_end(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitid(P_PID, (id_t)pid, NULL, WEXITED) < 0 && errno == EINTR)
		;
}

static int compare_descriptors(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int helper_run(const HelperProcess *helper, HelperReport *out)
{
	HelperSpec spec = {
		.helper = helper,
		.overridden = creds_overridden(),
		.uid = geteuid(),
		.gid = getegid(),
	};
	bool reported = false;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return refuse_descriptor(errno);
	spec.report_fd = spec.descriptors[HELPER_DESCRIPTORS] = ends[1];
	memcpy(spec.descriptors, helper->descriptors, sizeof helper->descriptors);
	qsort(spec.descriptors, G_N_ELEMENTS(spec.descriptors), sizeof spec.descriptors[0], compare_descriptors);
	pid = _Fork();
	if (pid == 0)
		child_main(&spec);
	close(ends[1]);
	if (pid > 0) {
		reported = report_wait(helper, pid, ends[0], out);
		creds_raise();
		child_end(pid);
		creds_lower();
	}
	close(ends[0]);
	if (pid < 0)
		return refuse(EAGAIN, "the daemon cannot start a process: try again later");
	return reported ? 0 : -EINTR;
}
