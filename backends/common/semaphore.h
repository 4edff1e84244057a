/*
 * The files of semaphores: op, undo and hold, for every kind of semaphore. A mechanism implements one operation.
 *
 * An operation is a line. In the files of one semaphore it is a number: `-1` waits until it can take 1, `+1` (or `1`) gives 1
 * back, `0` waits for zero if the mechanism supports that. In the files of a set it is one or more of `NUMBER:CHANGE`, all or
 * nothing: `0:-1 1:+2 2:0`. A write consists of whole lines; only a single line may lack its newline.
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
	/* Makes the handle ready for operate(). NULL: nothing to do. Never sleeps. */
	int (*open)(Handle *handle);
	/* Makes all changes, or none: -EAGAIN (NONBLOCK), -EINTR (BLOCK) or another error. Calls for one handle overlap. */
	int (*operate)(Handle *handle, const SemaphoreChange *changes, size_t count, BlockMode block);
	/* Whether operate() would do it now; a negative errno counts as yes, since it would not wait. Changes nothing. */
	int (*could)(Handle *handle, const SemaphoreChange *changes, size_t count);
	/* hold: gives back the 1 that the open took, even if the semaphore has lost its name. Never sleeps. */
	void (*give_back)(Handle *handle);
	/* Called at the end of every handle that open() made ready. */
	void (*close)(Handle *handle);
} Semaphore;

/*
 * op and undo, which have different mechanisms. poll(2) reports them writable when the operation that last failed with EAGAIN
 * would succeed. Before the first such failure, that operation is -1 for one semaphore, and a set is always writable.
 */
extern const StreamOps semaphore_op;

/* hold: the open waits and takes 1; the last close gives it back, also when the process is killed. */
extern const StreamOps semaphore_hold;

/* The numbers in Handle.state. */
enum {
	SEMAPHORE_REFUSED /* an operation failed with EAGAIN: it is in Handle.rest */,
	SEMAPHORE_OWN /* for the mechanism */
};
