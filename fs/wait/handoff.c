/*
 * No wake-up may be lost, since nothing else tells a waiting request what was done. So each call counts as a wake-up,
 * for requests that have tried and are about to wait (wait_queue_count_wake()), and for requests that another thread
 * has taken out to try (WaitQueue.wakes). The watching thread does what this thread cannot do at once, and all that is
 * for more than one waiter.
 *
 * A thread does not hand off while it is handing off (`handing_off`): the waiter that it runs is in the middle of the
 * attempt of another request, and would otherwise nest attempts without limit.
 */
#include "fs/wait/handoff.h"

#include <sys/ioctl.h>

#include "backends/core/host.h"
#include "fs/wait/wakeup.h"

static _Thread_local bool handing_off;

/* -- Waking the peer ------------------------------------------------------------------------------------------------ */

/* Finishes or puts back a waiter taken out of `queue`, which the caller holds. */
static void settle_waiter(WaitQueue *queue, Waiter *waiter, bool complete)
{
	if (complete || wakeup_put_back(queue, waiter) == INTERRUPTED)
		waiter->ops->finish(waiter);
}

/* Runs a waiter of a queue that the caller holds. Whether it made progress; *complete: it is done. */
static bool run_waiter(WaitQueue *queue, Waiter *waiter, bool *complete)
{
	const size_t done_before = waiter->done;
	bool progress;

	handing_off = true;
	*complete = waiter->ops->attempt(waiter);
	progress = *complete || waiter->done > done_before;
	settle_waiter(queue, waiter, *complete);
	handing_off = false;
	return progress;
}

bool handoff_wake_peer(const int64_t key[4])
{
	bool complete = handing_off, progress = false, watched, ready;
	Waiter *waiter = NULL;
	WaitQueue *queue;

	g_mutex_lock(&waiting_lock);
	wait_queue_count_wake();
	queue = wait_queue_find(key);
	if (!queue) {
		g_mutex_unlock(&waiting_lock);
		return false;
	}
	queue->wakes++;
	watched = !g_queue_is_empty(&queue->watches);
	if (!handing_off)
		waiter = wait_queue_pop(queue);
	wait_queue_hold(queue);
	g_mutex_unlock(&waiting_lock);
	if (waiter)
		progress = run_waiter(queue, waiter, &complete);
	ready = watched && wait_queue_watch_ops->ready(queue);
	g_mutex_lock(&waiting_lock);
	/* There may be enough for the next waiter too. One that is not complete has found that there is not. */
	if (ready || (complete && !g_queue_is_empty(&queue->waiters)))
		wait_queue_wake(queue);
	wait_queue_release(queue);
	g_mutex_unlock(&waiting_lock);
	return progress;
}

/* -- Direct transfer ------------------------------------------------------------------------------------------------ */

static void end_transfer(Waiter *waiter, bool complete)
{
	WaitQueue *queue = waiter->queue;

	handing_off = true;
	settle_waiter(queue, waiter, complete);
	handing_off = false;
	g_mutex_lock(&waiting_lock);
	wait_queue_release(queue);
	g_mutex_unlock(&waiting_lock);
}

/* Takes the first waiter with this key out, and holds its queue; NULL: there is none. */
static Waiter *take_peer(const int64_t key[4])
{
	Waiter *waiter = NULL;
	WaitQueue *queue;

	if (handing_off)
		return NULL;
	g_mutex_lock(&waiting_lock);
	queue = wait_queue_find(key);
	if (queue)
		waiter = wait_queue_pop(queue);
	if (waiter)
		wait_queue_hold(queue);
	g_mutex_unlock(&waiting_lock);
	return waiter;
}

/*
 * Whether bytes may bypass the buffer of the stream: it is empty, and a write that has to stay whole fits. The peer has
 * been taken out by then. Before that, a waiting writer could still fill the buffer with bytes that have to be read
 * first, and then wait with the rest.
 */
static bool may_bypass(int fd, size_t written, size_t room, size_t whole)
{
	int queued = 0;

	return !(written > room && written <= whole) && ioctl(fd, FIONREAD, &queued) == 0 && !queued;
}

static size_t transfer_to_reader(const int64_t key[4], int fd, const char *data, size_t size, size_t whole)
{
	Waiter *reader = take_peer(key);
	size_t room;

	if (!reader)
		return 0;
	room = reader->ops->remaining(reader);
	if (!may_bypass(fd, size, room, whole)) {
		end_transfer(reader, false);
		return 0;
	}
	size = MIN(size, room);
	end_transfer(reader, reader->ops->receive(reader, data, size));
	return size;
}

static size_t transfer_from_writer(const int64_t key[4], int fd, char *buf, size_t size, size_t whole)
{
	Waiter *writer = take_peer(key);
	size_t written;

	if (!writer)
		return 0;
	written = writer->ops->remaining(writer);
	if (!may_bypass(fd, written, size, whole)) {
		end_transfer(writer, false);
		return 0;
	}
	size = MIN(size, written);
	end_transfer(writer, writer->ops->send(writer, buf, size));
	return size;
}

void handoff_prepare(void)
{
	host_register(&(HostOps){
		.transfer_to_reader = transfer_to_reader,
		.transfer_from_writer = transfer_from_writer,
	});
}
