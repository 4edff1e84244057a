/*
 * The process behind an inbox. All signals are blocked, so that the kernel queues them, from its first instruction
 * (posix_spawn's mask) and by number, those included that the C library keeps for itself. It has the uid and gid of
 * whoever made the inbox, real, effective and saved, so that kill(2) judges as for any process of that user.
 *
 * A pipe that is full leaves the signals where they are, with the kernel. A pipe that nobody reads is the end: the inbox
 * was removed, or the daemon is no more.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <glib.h>

#include "backends/core/parse.h"
#include "backends/signal/receiver.h"

enum { OUT = STDOUT_FILENO };

static bool become(const char *uid_text, const char *gid_text)
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

/* A record is written in one piece: it is smaller than PIPE_BUF. */
static bool pass_on(int signals)
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
	/* Not even its owner may look into it, or have it write what was never sent. */
	prctl(PR_SET_NAME, "ipcfs-inbox");
	if (argc != 4 || !become(argv[2], argv[3]) || prctl(PR_SET_DUMPABLE, 0))
		return 1;
	fds[0].fd = (int)syscall(SYS_signalfd4, -1, &all, sizeof all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fds[0].fd < 0)
		return 1;
	for (;;) {
		/* Room first, or it would not sleep while the pipe is full; then a signal, or the end of the reader. */
		fds[1].events = POLLOUT;
		if (poll(&fds[1], 1, -1) < 0 || (fds[1].revents & POLLERR))
			return 0;
		fds[1].events = 0;
		if (poll(fds, G_N_ELEMENTS(fds), -1) < 0 || (fds[1].revents & POLLERR))
			return 0;
		if ((fds[0].revents & POLLIN) && !pass_on(fds[0].fd))
			return 0;
	}
}
