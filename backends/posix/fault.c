/*
 * The signal of a bad access goes to the thread that made it, so the handler knows from a thread's own variable whether it was
 * expected, and where to return to. Any other SIGBUS ends the process as it would have.
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
	/* Back to the access, which now meets the default. */
	signal(signal_number, SIG_DFL);
}

/* A signal that a thread has blocked and raises itself ends the process; and most threads block all they can. */
static void prepare_thread(void)
{
	static gsize handled;
	static _Thread_local bool prepared;
	sigset_t bus;

	if (prepared)
		return;
	if (g_once_init_enter(&handled)) {
		/* SA_NODEFER: the handler is left by a jump, which then has no mask to restore. */
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
