/* Detached threads: see thread.h. */
#include "backends/core/thread.h"

#include <pthread.h>
#include <signal.h>

bool thread_start(void *(*run)(void *data), void *data, size_t stack)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all;
	int error;

	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setsigmask_np(&attributes, &all);
	if (stack)
		pthread_attr_setstacksize(&attributes, stack);
	error = pthread_create(&thread, &attributes, run, data);
	pthread_attr_destroy(&attributes);
	return error == 0;
}
