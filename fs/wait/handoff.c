/*
 * Feeding: streams both of whose ends are here. What is waited for at one end comes about by what is done at the other, so
 * whoever does that lets those go on who wait for it, on the same thread, and no descriptor needs to be watched.
 *
 * No wake-up may be lost, since nothing else tells of what was done. So each thing done counts as a wake-up, for those who
 * have tried and are about to wait (group_count_wake()), and for those whom another thread has taken out to try
 * (Group.wakes). What this thread cannot do at once, or is for more than one, is left to the watching thread.
 *
 * A thread that feeds does not feed again in there (`feeding`): whoever is fed is answered, and those behind him run, in the
 * middle of somebody else's step.
 */
#include <string.h>
#include <sys/ioctl.h>

#include "backends/core/host.h"
#include "fs/wait/wait_queue.h"

static _Thread_local bool feeding;

/* -- Letting try ---------------------------------------------------------------------------------------------------- */

/* Whether the group got on; *over: its first request is done. Called by who holds it. */
static bool feed_request(Group *group, Request *request, bool *over)
{
	const size_t done_before = request->done;
	bool progress;

	feeding = true;
	*over = request_step(request, NONBLOCK);
	progress = *over || request->done > done_before;
	if (*over || group_put_back(group, request) == ENDS)
		request_finish(request);
	feeding = false;
	return progress;
}

bool waiting_feed(const int64_t key[4])
{
	bool over = feeding, progress = false, watched, ready;
	Request *request = NULL;
	Group *group;

	g_mutex_lock(&waiting_lock);
	group_count_wake();
	group = group_of_key(key);
	if (!group) {
		g_mutex_unlock(&waiting_lock);
		return false;
	}
	group->wakes++;
	watched = !g_queue_is_empty(&group->watches);
	if (!feeding)
		request = group_pop(group);
	group_hold(group);
	g_mutex_unlock(&waiting_lock);
	if (request)
		progress = feed_request(group, request, &over);
	ready = watched && polling_ready(group);
	g_mutex_lock(&waiting_lock);
	/* There may be enough for the next one too. One that is not done has found that there is not. */
	if (ready || (over && !g_queue_is_empty(&group->requests)))
		group_wake(group);
	group_let_go(group);
	g_mutex_unlock(&waiting_lock);
	return progress;
}

/* -- Handing over --------------------------------------------------------------------------------------------------- */

/* The partner is done, or else waits on. */
static void partner_end(Request *request, bool over)
{
	Group *group = request->group;

	feeding = true;
	if (over || group_put_back(group, request) == ENDS)
		request_finish(request);
	feeding = false;
	g_mutex_lock(&waiting_lock);
	group_let_go(group);
	g_mutex_unlock(&waiting_lock);
}

/*
 * Takes the first request that waits there out, which moves `size` bytes with ours; its group is held. NULL: there is none, or
 * it may not be passed over the buffer.
 */
static Request *partner(const int64_t key[4], int fd, size_t size, size_t whole)
{
	Request *request = NULL;
	int queued = 0;
	Group *group;

	if (feeding)
		return NULL;
	g_mutex_lock(&waiting_lock);
	group = group_of_key(key);
	if (group)
		request = group_pop(group);
	if (request)
		group_hold(group);
	g_mutex_unlock(&waiting_lock);
	if (request) {
		const bool writes = request->operation == WRITE;
		const size_t written = writes ? request->size - request->done : size,
			     room = writes ? size : request->size;

		/*
		 * Looked at only now that the partner is out: before, a writer might still fill the buffer, with what is
		 * to be read first, before he waits with the rest.
		 */
		if ((written > room && written <= whole) || ioctl(fd, FIONREAD, &queued) || queued) {
			partner_end(request, false);
			return NULL;
		}
	}
	return request;
}

static size_t hand(const int64_t key[4], int fd, const char *data, size_t size, size_t whole)
{
	Request *reader = partner(key, fd, size, whole);

	if (!reader)
		return 0;
	size = MIN(size, reader->size);
	reader->out = data;
	reader->result = (ssize_t)size;
	partner_end(reader, true);
	return size;
}

static size_t take(const int64_t key[4], int fd, char *buf, size_t size, size_t whole)
{
	Request *writer = partner(key, fd, size, whole);

	if (!writer)
		return 0;
	size = MIN(size, writer->size - writer->done);
	memcpy(buf, writer->data + writer->done, size);
	writer->done += size;
	writer->result = (ssize_t)writer->done;
	partner_end(writer, writer->done == writer->size);
	return size;
}

void feed_prepare(void)
{
	host_register(&(HostOps){.transfer_to_reader = hand, .transfer_from_writer = take});
}
