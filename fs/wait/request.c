/*
 * Locking: the fields of a request need no lock, since one thread owns it. Its Waiter has fields under the waiting lock
 * (wait_queue.h).
 */
#include "fs/wait/request.h"

#include <errno.h>
#include <string.h>

#include "backends/core/refusal.h"
#include "fs/reply.h"
#include "fs/wait/finishing.h"
#include "fs/wait/handoff.h"
#include "fs/wait/polling.h"
#include "fs/wait/waiting.h"

typedef struct Request {
	Waiter waiter;
	Operation operation;
	fuse_req_t fuse;     /* NULL: there is no caller to reply to: FINISH; or the caller was detached */
	fuse_req_t detached; /* the caller that is told so (WaiterOps.detach) */
	File *file;
	bool nonblocking;
	bool sends_sigpipe; /* WRITE: SIGPIPE comes with a result that is no error */
	bool kept;          /* on the heap, with data of its own, and told of interrupts */
	bool counted;       /* FINISH: finishing.h counts it */
	int refs;           /* atomic; of a kept request: its owner, and the thread that replies to a detached caller */
	size_t size;
	const char *data; /* WRITE; owned once kept */
	ssize_t result;
	int given_up; /* the negative errno that it ends with before its operation was complete; 0: it was not given up */
	const char
		*out; /* READ: the bytes of the reply, in memory of this thread, or of the writer that transfers them */
} Request;

/* -- Attempts ------------------------------------------------------------------------------------------------------- */

static const StreamOps *stream_of(const Request *request)
{
	return request->file->handle.desc->stream;
}

static Direction direction_of(const Request *request)
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

static Lane *lane_of(const Request *request)
{
	if (request->operation == READ)
		return &request->file->lanes[READING];
	if (request->operation == WRITE && !stream_of(request)->whole_writes)
		return &request->file->lanes[WRITING];
	return NULL;
}

static void get_wait(const Request *request, Wait *out)
{
	stream_of(request)->wait(&request->file->handle, direction_of(request), request->size, out);
}

/* Lets the first request go on that waits at the other end for what was just done at this one. Whether it made progress. */
static bool wake_other_end(Handle *handle)
{
	int64_t key[4];

	if (!handle->desc->stream->other_end)
		return false;
	handle->desc->stream->other_end(handle, key);
	return handoff_wake_peer(key);
}

/* A read takes also what a waiting writer at the other end puts in once there is room, as far as it fits. */
static ssize_t attempt_read(Request *request, BlockMode block)
{
	Handle *handle = &request->file->handle;
	char *buffer = reply_buffer(request->size);
	ssize_t n = handle->desc->stream->read(handle, buffer, request->size, block), more = n;

	request->out = buffer;
	while (more > 0 && wake_other_end(handle) && (size_t)n < request->size) {
		more = handle->desc->stream->read(handle, buffer + n, request->size - (size_t)n, block);
		if (more > 0)
			n += more;
	}
	return n;
}

static ssize_t attempt_write(Request *request, BlockMode block)
{
	Handle *handle = &request->file->handle;
	Waiter *waiter = &request->waiter;
	ssize_t n = 0;

	while (waiter->done < request->size) {
		waiter->wakes_before = wait_queue_wakes();
		n = handle->desc->stream->write(handle, request->data + waiter->done, request->size - waiter->done,
						block);
		if (n < 0)
			break;
		waiter->done += (size_t)n;
		wake_other_end(handle);
	}
	request->sends_sigpipe = n == -EPIPE && waiter->done && handle->desc->stream->part_signals;
	/* After a part that was written, the next write will meet the error again. */
	if (n >= 0 || (waiter->done && n != -EAGAIN && n != -EINTR))
		return (ssize_t)waiter->done;
	return n;
}

/* True: the request has its result. False: it has to wait; or, where it may sleep, a signal came. */
static bool attempt_request(Request *request, BlockMode block)
{
	Handle *handle = &request->file->handle;

	request->waiter.wakes_before = wait_queue_wakes();
	switch (request->operation) {
	case OPEN:
		request->result = handle->desc->stream->open(handle, block);
		break;
	case READ:
		request->result = attempt_read(request, block);
		break;
	case WRITE:
		request->result = attempt_write(request, block);
		break;
	case FINISH:
		request->result = handle->desc->stream->finish(handle, block);
		break;
	}
	return request->result != -EAGAIN && !(block != NONBLOCK && request->result == -EINTR);
}

static void give_up(Request *request, int error)
{
	request->given_up = error;
	request->result = request->waiter.done ? (ssize_t)request->waiter.done : error;
}

/* -- Replies -------------------------------------------------------------------------------------------------------- */

static void unref_request(Request *request)
{
	if (!request->kept || !g_atomic_int_dec_and_test(&request->refs))
		return;
	g_free((char *)request->data);
	g_free(request);
}

/* Ends a FINISH, or a request whose caller was detached. */
static void end_without_reply(Request *request)
{
	File *file = request->file;

	if (request->operation == FINISH && request->result < 0)
		g_info("%s: the rest of a closed file could not be sent: %s", file->handle.desc->name,
		       g_strerror((int)-request->result));
	if (request->counted)
		finishing_remove(file->handle.caller.uid);
	/* The mechanism opened it too late: no process has it open. */
	if (request->operation == OPEN && request->result == 0)
		file_opened(file);
	file_unref(file);
}

static const char *verb_of(const Request *request)
{
	return request->operation == READ ? "read" : request->operation == WRITE ? "write" : "open";
}

static void send_reply(Request *request)
{
	if (request->result < 0) {
		reply_refusal(request->fuse, request->file->inode, (int)request->result, verb_of(request));
		if (request->operation == OPEN)
			file_unref(request->file);
		return;
	}
	switch (request->operation) {
	case OPEN:
		reply_stream_open(request->fuse, request->file);
		break;
	case READ:
		fuse_reply_buf(request->fuse, request->out, (size_t)request->result);
		break;
	case WRITE:
		if (request->sends_sigpipe)
			reply_sigpipe(request->fuse);
		fuse_reply_write(request->fuse, (size_t)request->result);
		break;
	case FINISH:
		break;
	}
}

/* Replies to a request that has its result, and frees it. Returns the next one of its lane, which the caller has to run. */
static Request *complete_request(Request *request)
{
	Handle *handle = &request->file->handle;
	Waiter *next;

	if (request->kept && request->fuse)
		fuse_req_interrupt_func(request->fuse, NULL, NULL);
	/* Only a request that was under way: a queued one was never tried. */
	if (request->given_up && request->waiter.in_turn && handle->desc->stream->give_up) {
		int error = handle->desc->stream->give_up(handle, direction_of(request), request->given_up);

		if (request->result < 0)
			request->result = error;
	}
	/* Before the reply: after it the file may be gone. */
	next = waiting_leave_lane(&request->waiter);
	if (request->fuse)
		send_reply(request);
	else
		end_without_reply(request);
	unref_request(request);
	return (Request *)next;
}

/* -- Running -------------------------------------------------------------------------------------------------------- */

/* libfuse's interrupt callback of a kept request. libfuse holds its lock of the request. */
static void on_interrupt(fuse_req_t fuse, void *data)
{
	Request *request = data;

	(void)fuse;
	waiting_interrupt(&request->waiter);
}

/* From here on the request can wait: it is on the heap, owns its data, and is told of interrupts. */
static Request *keep_request(const Request *on_stack)
{
	Request *request = g_new(Request, 1);

	*request = *on_stack;
	request->kept = true;
	request->refs = 1;
	request->waiter.link = (GList){.data = &request->waiter};
	if (request->data)
		request->data = g_memdup2(on_stack->data, on_stack->size);
	if (request->fuse)
		fuse_req_interrupt_func(request->fuse, on_interrupt, request);
	return request;
}

/* Whether it may be suspended. With O_NONBLOCK it waits only for a file system, as the native call does. */
static bool may_wait(const Request *request)
{
	Wait wait;

	if (!stream_of(request)->wait)
		return false;
	if (!request->nonblocking)
		return true;
	get_wait(request, &wait);
	return wait.how == WAIT_CALL && wait.visits;
}

/* Whether a non-blocking read took all that there was. From bytes without messages its reader knows that without asking again. */
static bool has_drained(const Request *request)
{
	return request->operation == READ && request->nonblocking && request->result > 0 &&
	       (size_t)request->result < request->size && stream_of(request)->bytes;
}

static void rearm_poll(const Request *request)
{
	if (request->operation == READ || request->operation == WRITE)
		polling_rearm(request->file, direction_of(request), request->waiter.wakes_before);
}

/* Runs a request that the calling thread owns, and then those that were queued behind it. */
static void run_request(Request *request)
{
	while (request) {
		refusal_forget();
		if (attempt_request(request, NONBLOCK)) {
			if (has_drained(request))
				rearm_poll(request);
		} else if (!may_wait(request)) {
			give_up(request, -EAGAIN);
			if (stream_of(request)->wait)
				rearm_poll(request);
		} else {
			Suspend suspend;

			if (request->operation == FINISH && !request->counted) {
				finishing_add(request->file->handle.caller.uid);
				request->counted = true;
			}
			if (!request->kept)
				request = keep_request(request);
			suspend = waiting_suspend(&request->waiter);
			if (suspend == SUSPENDED)
				return;
			if (suspend == SUSPEND_RETRY)
				continue;
		}
		request = complete_request(request);
	}
}

/* -- WaiterOps ------------------------------------------------------------------------------------------------------ */

static bool waiter_attempt(Waiter *waiter)
{
	return attempt_request((Request *)waiter, NONBLOCK);
}

static bool waiter_call(Waiter *waiter)
{
	Request *request = (Request *)waiter;

	if (attempt_request(request, request->nonblocking ? BLOCK_ON_FS : BLOCK))
		return true;
	if (!request->nonblocking || request->result != -EAGAIN)
		return false;
	give_up(request, -EAGAIN);
	return true;
}

static void waiter_wait(const Waiter *waiter, Wait *out)
{
	get_wait((const Request *)waiter, out);
}

static void waiter_retry(Waiter *waiter)
{
	run_request((Request *)waiter);
}

static void waiter_finish(Waiter *waiter)
{
	run_request(complete_request((Request *)waiter));
}

static void waiter_give_up(Waiter *waiter, int error)
{
	give_up((Request *)waiter, error);
}

static void waiter_detach(Waiter *waiter)
{
	Request *request = (Request *)waiter;

	waiter->detached = true;
	request->detached = g_steal_pointer(&request->fuse);
	g_atomic_int_inc(&request->refs);
	/* The kernel's open holds the file of a read or write only until the caller has its reply. An OPEN has its own hold. */
	if (request->operation != OPEN)
		file_ref(request->file);
}

static void waiter_reply_detached(Waiter *waiter)
{
	Request *request = (Request *)waiter;

	fuse_req_interrupt_func(request->detached, NULL, NULL);
	fuse_reply_err(request->detached, EINTR);
	unref_request(request);
}

static size_t waiter_remaining(const Waiter *waiter)
{
	return ((const Request *)waiter)->size - waiter->done;
}

static bool waiter_receive(Waiter *waiter, const char *bytes, size_t size)
{
	Request *request = (Request *)waiter;

	request->out = bytes;
	request->result = (ssize_t)size;
	return true;
}

static bool waiter_send(Waiter *waiter, char *bytes, size_t size)
{
	Request *request = (Request *)waiter;

	memcpy(bytes, request->data + waiter->done, size);
	waiter->done += size;
	request->result = (ssize_t)waiter->done;
	return waiter->done == request->size;
}

static const WaiterOps waiter_ops = {
	.attempt = waiter_attempt,
	.call = waiter_call,
	.wait = waiter_wait,
	.retry = waiter_retry,
	.finish = waiter_finish,
	.give_up = waiter_give_up,
	.detach = waiter_detach,
	.reply_detached = waiter_reply_detached,
	.remaining = waiter_remaining,
	.receive = waiter_receive,
	.send = waiter_send,
};

/* -- Starting ------------------------------------------------------------------------------------------------------- */

void request_start(const RequestSpec *spec)
{
	Request on_stack = {
		.waiter = {.ops = &waiter_ops, .handle = &spec->file->handle},
		.operation = spec->operation,
		.fuse = spec->fuse,
		.file = spec->file,
		.nonblocking = spec->nonblocking,
		.size = spec->size,
		.data = spec->data,
	};
	Request *request = &on_stack;

	on_stack.waiter.lane = lane_of(&on_stack);
	if (!waiting_enter_lane(&request->waiter, false)) {
		if (request->nonblocking) {
			give_up(request, -EAGAIN);
			complete_request(request);
			return;
		}
		request = keep_request(request);
		if (!waiting_enter_lane(&request->waiter, true))
			return;
	}
	run_request(request);
}
