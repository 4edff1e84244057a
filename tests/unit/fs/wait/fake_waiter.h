/*
 * A fake request for the unit tests below request.c: a Waiter whose operations count, and do what the test has set.
 * fake_waiters_start() also registers fake operations on watches, and prepares the wait queues.
 */
#pragma once

#include "fs/wait/wait_queue.h"

typedef struct FakeWaiter {
	Waiter waiter;
	Wait wait;     /* what it waits for; the test may change it */
	int succeeds;  /* attempts from now until one succeeds; 0: the next one; negative: none does */
	size_t step;   /* bytes that each attempt adds to Waiter.done */
	size_t size;   /* of its read or write, for a direct transfer */
	char *bytes;   /* that it sends, or has received */
	size_t filled; /* bytes received */

	/* Counts, and the order among all fake waiters. */
	int attempts, calls, retries, detached, replied;
	int finished; /* the position in the order of all ends, from 1; 0: it is not finished */
	int error;    /* of give_up */
} FakeWaiter;

/* Fake operations on watches. */
extern struct FakeWatches {
	int notified; /* calls */
	int asked;    /* calls of ready */
	bool ready;   /* its answer */
} fake_watches;

void fake_waiters_start(void);

/* A Wait for the key `number`, without a descriptor; nobody else uses that key. */
Wait fake_wait(int64_t number);

/* A waiter that waits for that, and whose next attempts fail. Owned by the test until the program ends. */
FakeWaiter *fake_waiter(Wait wait);

/* Puts it into the queue for its wait, which may be fresh. Returns the queue. */
WaitQueue *fake_waiter_push(FakeWaiter *fake);

/* The queue for a key, or NULL. */
WaitQueue *fake_queue_find(int64_t number);

/* Waits until *counter is `value`. Fails the test after some seconds. */
void fake_expect(const int *counter, int value);
