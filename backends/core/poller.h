/*
 * Pursuing what goes on in steps while nobody waits for it, such as the connection that an open with O_NONBLOCK has begun: each
 * is looked at every few milliseconds. What somebody waits for fs/ pursues, and at once.
 */
#pragma once

#include <stdbool.h>

/*
 * From now on calls step(data), on a thread of its own, until that returns true: then `data` is forgotten. step() never sleeps. What
 * users can begin this way is limited by whoever calls this.
 */
void poller_add(bool (*step)(void *data), void *data);
