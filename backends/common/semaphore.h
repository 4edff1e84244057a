/*
 * The vocabulary of semaphores: op, undo, hold. One implementation for every kind of semaphore; a mechanism supplies how one
 * operation is done.
 *
 * An operation is a line. In the files of one semaphore it is a number: `-1` waits until it can take 1, `+1` (or `1`) gives 1
 * back, `0` waits for zero where the mechanism has that. In those of a set it is `NUMBER:CHANGE`, any number of them, all or
 * nothing: `0:-1 1:+2 2:0`. A write has whole lines; of a single one the newline may be missing.
 */
#pragma once

#include "backends/core/backend.h"

/* One semaphore of a set (0 where there are no sets), and by how much. */
typedef struct SemaphoreChange {
	int64_t number, by;
} SemaphoreChange;

/* The operations of a kind of semaphore. The FileDescs of its files point to it with `mechanism`. */
typedef struct Semaphore {
	bool set; /* lines name their semaphores; else all are for the one that Object.part numbers */
	/* Makes the handle ready for operate(); absent: it needs nothing. Never sleeps. */
	int (*open)(Handle *handle);
	/* All of the changes, or none and -EAGAIN (NONBLOCK), -EINTR (BLOCK) or another error. Of one handle several at a time. */
	int (*operate)(Handle *handle, const SemaphoreChange *changes, size_t count, BlockMode block);
	/* Whether operate() would do it now; a negative errno counts as yes, since it would not wait. Changes nothing. */
	int (*could)(Handle *handle, const SemaphoreChange *changes, size_t count);
	/* hold: gives back the 1 that its open took, whatever has become of the semaphore. Never sleeps. */
	void (*give_back)(Handle *handle);
	/* The end of every handle that open() made ready. */
	void (*close)(Handle *handle);
} Semaphore;

/*
 * op and undo (its mechanism differs). Polled, they are writable when the operation that was last refused with EAGAIN could be
 * done; before any was, those of one semaphore say so for -1, and those of a set always.
 */
extern const StreamOps semaphore_op;

/* hold: open waits and takes 1, the last close gives it back, by whatever end. */
extern const StreamOps semaphore_hold;

/* Which of Handle.state is whose. */
enum { SEMAPHORE_REFUSED /* an operation was: it is in Handle.rest */, SEMAPHORE_OWN /* the mechanism's */ };
