/* posix/mq: another maxmsg or msgsize for a queue. */
#pragma once

#include <mqueue.h>

#include "backends/core/backend.h"

/*
 * Gives an empty queue that no process has open this maxmsg and msgsize, of which 0 means the present one. The caller's
 * credentials apply. Takes long. 0 or a negative errno, the reason noted; then the queue is as it was.
 */
int posix_mq_resize(const Object *object, long maxmsg, long msgsize);
