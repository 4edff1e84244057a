/*
 * Helper processes: children of the daemon that make a few system calls with all ids of the caller, and exit.
 *
 * Usually a thread of the daemon takes the caller's effective ids (credentials.h). That is not enough where the kernel uses the
 * real ids: no thread of the daemon may have the caller's real uid, because the caller could then kill the daemon. It is also
 * not enough where the kernel walks a path that may lead through /proc: a thread of the daemon may follow the links in
 * /proc/self, and so reach every file that the daemon has open.
 *
 * Once the helper process has the caller's ids, the caller can stop and kill it. A helper process therefore runs only for
 * worker threads and jobs, where only the caller's own request waits for it, and the daemon kills a stopped one. The caller
 * cannot read the copy of the daemon's memory: a process that has changed its ids cannot be traced and does not dump core
 * (prctl(2), PR_SET_DUMPABLE).
 *
 * posix/mq_create.c and socket/bind.c call helper_run(). There are no locks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { HELPER_DESCRIPTORS = 2 };

typedef struct HelperReport {
	int result; /* 0 or a negative errno */
	int64_t value;
} HelperReport;

typedef struct HelperProcess {
	/*
	 * Both run in the child, which must not allocate memory, take a lock, or call a function of libc that looks for other
	 * threads. `prepare` (may be NULL) runs with the daemon's rights, `act` with the caller's ids and without a umask.
	 */
	void (*prepare)(const void *data);
	HelperReport (*act)(const void *data);
	const void *data;
	int descriptors[HELPER_DESCRIPTORS]; /* that the functions use; -1: none. The child closes all others. */
	int timeout_ms;                      /* 0: none */
	bool (*abandoned)(const void *data); /* asked repeatedly (may be NULL); true ends the child */
} HelperProcess;

/*
 * Runs a helper process for the caller whose ids this thread has, and waits for its report. Returns 0; -EINTR: the child was
 * stopped or killed, or was ended by timeout_ms or abandoned(), and the caller of helper_run() has to find out what it did; or
 * -ENFILE or -EAGAIN with the reason noted: no child could be started.
 */
int helper_run(const HelperProcess *helper, HelperReport *out);
