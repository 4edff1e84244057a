#include "fs/wait/request.h"

#include <errno.h>
#include <string.h>

#include "backends/core/refusal.h"
#include "fs/reply.h"
#include "fs/wait/waiting.h"

/*
 * What a closed file still has to send may wait for ever, and no process of its user stands for it any more. None of it is dropped;
 * whoever leaves too much behind opens no more such files (stream_open()).
 *
 * Locking: `finishing_lock`, "the finishing lock", is a leaf.
 */
static GMutex finishing_lock;
static GHashTable *finishing; /* Protected by finishing_lock. uid -> how many wait */

/* How many there are after so many more. */
static int finishing_count(uid_t uid, int change)
{
	gpointer key = GUINT_TO_POINTER(uid);
	int count;

	g_mutex_lock(&finishing_lock);
	if (!finishing)
		finishing = g_hash_table_new(NULL, NULL);
	count = GPOINTER_TO_INT(g_hash_table_lookup(finishing, key)) + change;
	if (count > 0)
		g_hash_table_insert(finishing, key, GINT_TO_POINTER(count));
	else
		g_hash_table_remove(finishing, key);
	g_mutex_unlock(&finishing_lock);
	return count;
}

int request_finishing(uid_t uid)
{
	return finishing_count(uid, 0);
}

Side *request_side(const Request *request)
{
	const StreamOps *ops = request->file->handle.desc->stream;

	if (request->operation == READ)
		return &request->file->sides[READING];
	if (request->operation == WRITE && !ops->whole_writes)
		return &request->file->sides[WRITING];
	return NULL;
}

Direction request_direction(const Request *request)
{
	switch (request->operation) {
	case OPEN:
		return OPENING;
	case READ:
		return READING;
	default:
		return WRITING;
	}
}

void request_wait(const Request *request, Wait *out)
{
	Handle *handle = &request->file->handle;

	handle->desc->stream->wait(handle, request_direction(request), request->size, out);
}

/* Lets one of those go on who wait at the other end for what was just done at this one. Returns whether he did. */
static bool feed_other_end(Handle *handle)
{
	int64_t key[4];

	if (!handle->desc->stream->other_end)
		return false;
	handle->desc->stream->other_end(handle, key);
	return waiting_feed(key);
}

/* Where somebody at the other end waits to go on, a read gets as much as fits it, not only what was there at first. */
static ssize_t step_read(Request *request, BlockMode block)
{
	Handle *handle = &request->file->handle;
	char *buffer = reply_buffer(request->size);
	ssize_t n = handle->desc->stream->read(handle, buffer, request->size, block), more = n;

	request->out = buffer;
	while (more > 0 && feed_other_end(handle) && (size_t)n < request->size) {
		more = handle->desc->stream->read(handle, buffer + n, request->size - n, block);
		if (more > 0)
			n += more;
	}
	return n;
}

static ssize_t step_write(Request *request, BlockMode block)
{
	Handle *handle = &request->file->handle;
	ssize_t n = 0;

	while (request->done < request->size) {
		request->wakes = waiting_wakes();
		n = handle->desc->stream->write(handle, request->data + request->done, request->size - request->done,
						block);
		if (n < 0)
			break;
		request->done += n;
		feed_other_end(handle);
	}
	request->signals = n == -EPIPE && request->done && handle->desc->stream->part_signals;
	/* An error behind a part that went well is met again by the next write. */
	if (n >= 0 || (request->done && n != -EAGAIN && n != -EINTR))
		return (ssize_t)request->done;
	return n;
}

bool request_step(Request *request, BlockMode block)
{
	Handle *handle = &request->file->handle;
	const StreamOps *ops = handle->desc->stream;

	request->wakes = waiting_wakes();
	switch (request->operation) {
	case OPEN:
		request->result = ops->open(handle, block);
		break;
	case READ:
		request->result = step_read(request, block);
		break;
	case WRITE:
		request->result = step_write(request, block);
		break;
	case FINISH:
		request->result = ops->finish(handle, block);
		break;
	}
	return request->result != -EAGAIN && !(block != NONBLOCK && request->result == -EINTR);
}

/* From here on the request can wait: it is on the heap, owns its data, and hears of interrupts. */
static Request *keep(const Request *given)
{
	Request *request = g_new(Request, 1);

	*request = *given;
	request->kept = true;
	request->link = (GList){.data = request};
	if (request->data)
		request->data = g_memdup2(given->data, given->size);
	if (request->fuse)
		fuse_req_interrupt_func(request->fuse, waiting_interrupt, request);
	return request;
}

void request_free(Request *request)
{
	g_free((char *)request->data);
	g_free(request);
}

/* Answers the request and ends it. */
static void answer(Request *request)
{
	File *file = request->file;

	if (!request->fuse && request->operation != FINISH) {
		/* Nobody has it open for an OPEN that came too late. */
		if (request->operation == OPEN && request->result == 0)
			file_opened(file);
		file_unref(file);
	} else if (request->operation == FINISH) {
		if (request->result < 0)
			g_info("%s: what was written last could not be sent: %s", file->handle.desc->name,
			       g_strerror((int)-request->result));
		if (request->counted)
			finishing_count(file->handle.caller.uid, -1);
		file_unref(file);
	} else if (request->result < 0) {
		reply_refusal(request->fuse, file->node, (int)request->result,
			      request->operation == READ  ? "read" :
			      request->operation == WRITE ? "write" :
							    "open");
		if (request->operation == OPEN)
			file_unref(file);
	} else if (request->operation == READ) {
		fuse_reply_buf(request->fuse, request->out, (size_t)request->result);
	} else if (request->operation == WRITE) {
		if (request->signals)
			reply_sigpipe(request->fuse);
		fuse_reply_write(request->fuse, (size_t)request->result);
	} else {
		reply_stream_open(request->fuse, file);
	}
	if (request->kept && waiting_over(request))
		request_free(request);
}

/* Answers a request that has its result; returns the next one on its side, to be run by the caller. */
static Request *conclude(Request *request)
{
	Handle *handle = &request->file->handle;
	Request *next;

	if (request->kept && request->fuse)
		fuse_req_interrupt_func(request->fuse, NULL, NULL);
	/* Only of the one that was under way: another one was never tried. */
	if (request->given_up && request->entered && handle->desc->stream->give_up) {
		int error = handle->desc->stream->give_up(handle, request_direction(request), request->given_up);

		if (request->result < 0)
			request->result = error;
	}
	/* Before the answer: after it the file may be gone. */
	next = waiting_leave(request);
	answer(request);
	return next;
}

/* Whether it waits for a file system, which natively takes as long with O_NONBLOCK. */
static bool visits(const Request *request)
{
	Wait wait;

	request_wait(request, &wait);
	return wait.how == WAIT_CALL && wait.visits;
}

/* Whether it has read all that there was, as its reader can tell from a stream of bytes without asking again. */
static bool drained(const Request *request)
{
	return request->operation == READ && request->nonblocking && request->result > 0 &&
	       (size_t)request->result < request->size && request->file->handle.desc->stream->bytes;
}

static void run(Request *request)
{
	while (request) {
		refusal_forget();
		if (!request_step(request, NONBLOCK)) {
			if (!request->file->handle.desc->stream->wait) {
				request_give_up(request, -EAGAIN);
			} else if (request->nonblocking && !visits(request)) {
				request_give_up(request, -EAGAIN);
				if (request->operation == READ || request->operation == WRITE)
					waiting_drained(request->file, request->operation == READ ? READING : WRITING,
							request->wakes);
			} else {
				Park park;

				if (request->operation == FINISH && !request->counted) {
					finishing_count(request->file->handle.caller.uid, 1);
					request->counted = true;
				}
				if (!request->kept)
					request = keep(request);
				park = waiting_park(request);
				if (park == PARK_DONE)
					return;
				if (park == PARK_AGAIN)
					continue;
			}
		} else if (drained(request)) {
			waiting_drained(request->file, READING, request->wakes);
		}
		request = conclude(request);
	}
}

void request_start(const Request *given)
{
	Request on_stack = *given, *request = &on_stack;

	if (!waiting_enter(request)) {
		if (request->nonblocking) {
			request_give_up(request, -EAGAIN);
			conclude(request);
			return;
		}
		request = keep(request);
		if (!waiting_enter(request))
			return;
	}
	run(request);
}

void request_again(Request *request)
{
	run(request);
}

void request_finish(Request *request)
{
	run(conclude(request));
}
