/*
 * The process of an inbox: see receiver.h. It has one thread, so there are no locks.
 *
 * All signals are blocked from the first instruction (the mask of posix_spawn(3)), so that the kernel queues them. The mask is
 * set by number, because the C library would leave out the signals that it uses itself. The process has the uid and gid of the
 * inbox's owner, real, effective and saved, so that kill(2) checks as for any process of that user.
 *
 * While the pipe is full, signals stay queued in the kernel. When the pipe has no reader, the inbox was removed or the daemon
 * has ended, and the process exits.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <glib.h>

#include "backends/core/parse.h"
#include "backends/signal/receiver.h"

enum { OUT = STDOUT_FILENO };

static bool take_ids(const char *uid_text, const char *gid_text)
{
	int64_t uid, gid;

	if (!parse_number(uid_text, 0, UINT32_MAX - 1, &uid) || !parse_number(gid_text, 0, UINT32_MAX - 1, &gid))
		return false;
	if (geteuid() != 0)
		return (uid_t)uid == geteuid();
	return syscall(SYS_setgroups, 0, NULL) == 0 &&
	       syscall(SYS_setresgid, (gid_t)gid, (gid_t)gid, (gid_t)gid) == 0 &&
	       syscall(SYS_setresuid, (uid_t)uid, (uid_t)uid, (uid_t)uid) == 0;
}

/* Moves one signal to the pipe. A record is smaller than PIPE_BUF, so the write is atomic. */
static bool forward_signal(int signals)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof info) != sizeof info)
		return errno == EAGAIN || errno == EINTR;
	return write(OUT, &info, sizeof info) == sizeof info;
}

int signal_receiver_main(int argc, char **argv)
{
	const uint64_t all = ~UINT64_C(0);
	struct pollfd fds[2] = {{.events = POLLIN}, {.fd = OUT, .events = POLLOUT}};

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof all);
	prctl(PR_SET_NAME, "ipcfs-inbox");
	/* Not dumpable: the owner must not trace the process and make it write signals that were not sent. */
	if (argc != 4 || !take_ids(argv[2], argv[3]) || prctl(PR_SET_DUMPABLE, 0))
		return 1;
	fds[0].fd = (int)syscall(SYS_signalfd4, -1, &all, sizeof all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fds[0].fd < 0)
		return 1;
	for (;;) {
		/* The first poll waits for room: the second one would return at once while the pipe is full. */
		fds[1].events = POLLOUT;
		if (poll(&fds[1], 1, -1) < 0 || (fds[1].revents & POLLERR))
			return 0;
		fds[1].events = 0;
		if (poll(fds, G_N_ELEMENTS(fds), -1) < 0 || (fds[1].revents & POLLERR))
			return 0;
		if ((fds[0].revents & POLLIN) && !forward_signal(fds[0].fd))
			return 0;
	}
}
