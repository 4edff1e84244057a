/*
 * The kernel sends SIGBUS to the thread whose access failed. A thread-local variable tells the handler whether the access was made in
 * fault_try(), and where to return to. Any other SIGBUS ends the process as usual.
 */
#include "backends/posix/fault.h"

#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

#include <glib.h>

static _Thread_local sigjmp_buf *volatile expected;

static void on_bus_error(int signal_number)
{
	if (expected)
		siglongjmp(*expected, 1);
	/* The access is repeated, and now ends the process. */
	signal(signal_number, SIG_DFL);
}

/* Unblocks SIGBUS: most threads of the daemon block all signals, and a blocked SIGBUS ends the process. */
static void prepare_thread(void)
{
	static gsize handled;
	static _Thread_local bool prepared;
	sigset_t bus;

	if (prepared)
		return;
	if (g_once_init_enter(&handled)) {
		/* SA_NODEFER: the handler jumps out, and no signal mask has to be restored. */
		const struct sigaction action = {.sa_handler = on_bus_error, .sa_flags = SA_NODEFER};

		sigaction(SIGBUS, &action, NULL);
		g_once_init_leave(&handled, 1);
	}
	sigemptyset(&bus);
	sigaddset(&bus, SIGBUS);
	pthread_sigmask(SIG_UNBLOCK, &bus, NULL);
	prepared = true;
}

bool fault_try(void (*touch)(void *data), void *data)
{
	sigjmp_buf here;

	prepare_thread();
	if (sigsetjmp(here, 0)) {
		expected = NULL;
		return false;
	}
	expected = &here;
	touch(data);
	expected = NULL;
	return true;
}
