/*
 * There is one watching thread. It never sleeps but in epoll_loop_wait(): the attempts that it makes do not block, and
 * workers make all calls that do. It takes no lock of its own; wakeup.c, waiting.c and polling.c take the waiting lock.
 *
 * Caller: session.c starts it.
 */
#include "fs/wait/thread.h"

#include "backends/core/thread.h"
#include "fs/wait/handoff.h"
#include "fs/wait/polling.h"
#include "fs/wait/waiting.h"
#include "fs/wait/wakeup.h"

enum {
	INTERRUPT_MS = 1, /* between two signals to a worker that does not wake */
	LOOK_MS = 10      /* between two looks at files whose pollers nothing wakes */
};

static void *watch_main(void *unused)
{
	int timeout = -1;

	for (;;) {
		wakeup_run_queues(timeout);
		waiting_finish_interrupted();
		timeout = polling_look() ? LOOK_MS : -1;
		if (wakeup_interrupt_workers())
			timeout = INTERRUPT_MS;
	}
	return unused;
}

void watching_thread_start(void)
{
	wait_queue_prepare();
	handoff_prepare();
	polling_prepare();
	if (!thread_start(watch_main, NULL, 0))
		g_error("cannot start a thread");
}
