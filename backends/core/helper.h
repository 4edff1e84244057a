/*
 * Deputies: child processes that make a few system calls as the caller, with all of his ids, and end.
 *
 * A thread of the daemon plays the caller by its effective ids alone (identity.h). That does not do where the kernel goes by the
 * real ones, which no thread may have: the caller could kill it, and the daemon with it. Nor does it do where a path is walked by
 * the kernel and may lead through /proc: every thread may follow the links of its own process, to whatever the daemon has open.
 *
 * From the moment it has the caller's ids, the caller may stop and kill it. Whoever does so holds up nobody but himself: deputies
 * are sent from workers and errands, and one that is seen to be stopped is killed. The daemon's memory, of which it has a copy,
 * stays closed to the caller: a process that has changed its ids cannot be traced, nor does it dump core (prctl(2),
 * PR_SET_DUMPABLE).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { DEPUTY_KEPT = 2 };

typedef struct HelperReport {
	int result; /* 0 or a negative errno */
	int64_t value;
} HelperReport;

typedef struct HelperProcess {
	/*
	 * Both run in the child, which must not allocate, or take a lock, or use what of libc looks for other threads. `prepare`
	 * (may be absent) still has the daemon's rights; `act` has the caller's, and no umask.
	 */
	void (*prepare)(const void *data);
	HelperReport (*act)(const void *data);
	const void *data;
	int kept[DEPUTY_KEPT];          /* the descriptors that they use; -1: none. All others are closed. */
	int most_ms;                    /* what it may take; 0: as long as it likes … */
	bool (*over)(const void *data); /* … but not beyond this (may be absent), which is asked again and again */
} HelperProcess;

/*
 * Sends a deputy of the caller whom this thread plays, and waits for its report. 0; -EINTR: it was stopped or killed, by the
 * caller or since it has taken too long, and what it has done before is to be found out; or -ENFILE or -EAGAIN, the reason noted:
 * none could be sent.
 */
int helper_send(const HelperProcess *deputy, HelperReport *out);
