/* poll(2), select(2) and epoll(7) on streams (polling.h, with callers and locks). */
#include "fs/wait/polling.h"

#include <poll.h>

#include "fs/wait/wakeup.h"

static GQueue unwoken = G_QUEUE_INIT; /* Protected by the waiting lock. Watch.link of armed watches without a queue */

/* -- Disarming ------------------------------------------------------------------------------------------------------ */

/* Takes the poll handle of a file, and disarms all its watches. Called with the waiting lock held. */
static struct fuse_pollhandle *take_handle(File *file)
{
	struct fuse_pollhandle *handle = g_steal_pointer(&file->poll_handle);

	for (int direction = READING; direction <= HANGUP; direction++) {
		Watch *watch = &file->watches[direction];

		if (!watch->armed)
			continue;
		watch->armed = false;
		if (watch->queue)
			wait_queue_remove_watch(watch->queue, watch);
		else
			g_queue_unlink(&unwoken, &watch->link);
	}
	return handle;
}

static void notify_handle(struct fuse_pollhandle *handle)
{
	if (!handle)
		return;
	fuse_lowlevel_notify_poll(handle);
	fuse_pollhandle_destroy(handle);
}

/* WatchOps.notify */
static void notify_watches(WaitQueue *queue)
{
	GList *link;

	do {
		struct fuse_pollhandle *handle = NULL;

		g_mutex_lock(&waiting_lock);
		link = g_queue_peek_head_link(&queue->watches);
		if (link)
			handle = take_handle(link->data);
		g_mutex_unlock(&waiting_lock);
		notify_handle(handle);
	} while (link);
}

void polling_disarm(File *file)
{
	struct fuse_pollhandle *handle;

	g_mutex_lock(&waiting_lock);
	handle = take_handle(file);
	g_mutex_unlock(&waiting_lock);
	if (handle)
		fuse_pollhandle_destroy(handle);
}

/* -- Arming --------------------------------------------------------------------------------------------------------- */

/* Arms one watch. Returns the wait queue if that is fresh and needs a worker. Called with the waiting lock held. */
static WaitQueue *arm_watch(File *file, Direction direction, const Wait *wait)
{
	const Handle *handle = &file->handle;
	Watch *watch = &file->watches[direction];
	WaitQueue *queue = NULL;
	bool fresh = false;

	if (watch->armed)
		return NULL;
	watch->armed = true;
	/* A poller must not carry out the operation, as WAIT_CALL would; and a poll is never refused. */
	if (wait->how != WAIT_CALL)
		queue = wait_queue_get(wait, handle->desc->stream, handle->caller.uid, &fresh);
	if (queue) {
		wait_queue_push_watch(queue, watch);
	} else {
		watch->queue = NULL;
		g_queue_push_tail_link(&unwoken, &watch->link);
		epoll_loop_interrupt();
	}
	return fresh ? queue : NULL;
}

void polling_arm(File *file, struct fuse_pollhandle *handle, int directions, unsigned wakes_before)
{
	WaitQueue *fresh[HANGUP + 1] = {NULL};
	struct fuse_pollhandle *replaced, *late = NULL;
	Wait waits[HANGUP + 1];

	for (int direction = READING; direction <= HANGUP; direction++)
		if (directions & (1 << direction))
			file->handle.desc->stream->wait(&file->handle, direction, 0, &waits[direction]);
	g_mutex_lock(&waiting_lock);
	replaced = file->poll_handle;
	file->poll_handle = handle;
	for (int direction = READING; direction <= HANGUP; direction++)
		if (directions & (1 << direction))
			fresh[direction] = arm_watch(file, direction, &waits[direction]);
	/* A wake-up that came since then was for this poller too. */
	if (wait_queue_wakes() != wakes_before)
		late = take_handle(file);
	g_mutex_unlock(&waiting_lock);
	if (replaced)
		fuse_pollhandle_destroy(replaced);
	notify_handle(late);
	for (int direction = READING; direction <= HANGUP; direction++)
		if (fresh[direction])
			wakeup_start_worker(fresh[direction]);
}

void polling_rearm(File *file, Direction direction, unsigned wakes_before)
{
	struct fuse_pollhandle *handle = NULL;

	g_mutex_lock(&waiting_lock);
	if (!file->watches[direction].armed)
		handle = g_steal_pointer(&file->poll_handle);
	g_mutex_unlock(&waiting_lock);
	if (handle)
		polling_arm(file, handle, 1 << direction, wakes_before);
}

/* -- Looking -------------------------------------------------------------------------------------------------------- */

/* WatchOps.ready */
static bool first_watch_is_ready(WaitQueue *queue)
{
	File *file = NULL;
	GList *link;
	int events;

	g_mutex_lock(&waiting_lock);
	link = g_queue_peek_head_link(&queue->watches);
	if (link)
		file = file_ref(link->data);
	g_mutex_unlock(&waiting_lock);
	if (!file)
		return false;
	events = file->handle.desc->stream->poll(&file->handle);
	file_unref(file);
	return events != 0;
}

static int events_of(Direction direction)
{
	switch (direction) {
	case READING:
		return POLLIN | POLLERR | POLLHUP;
	case WRITING:
		return POLLOUT | POLLERR | POLLHUP;
	default:
		return POLLERR | POLLHUP;
	}
}

static void look_at_file(File *file)
{
	const int events = file->handle.desc->stream->poll(&file->handle);
	struct fuse_pollhandle *handle = NULL;
	bool ready = false;

	g_mutex_lock(&waiting_lock);
	for (int direction = READING; direction <= HANGUP; direction++)
		ready = ready || (file->watches[direction].armed && (events & events_of(direction)));
	if (ready)
		handle = take_handle(file);
	g_mutex_unlock(&waiting_lock);
	notify_handle(handle);
}

bool polling_look(void)
{
	g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func((GDestroyNotify)file_unref);

	g_mutex_lock(&waiting_lock);
	for (GList *link = unwoken.head; link; link = link->next)
		g_ptr_array_add(files, file_ref(link->data));
	g_mutex_unlock(&waiting_lock);
	for (guint i = 0; i < files->len; i++)
		look_at_file(files->pdata[i]);
	return files->len > 0;
}

static const WatchOps watch_ops = {.notify = notify_watches, .ready = first_watch_is_ready};

void polling_prepare(void)
{
	wait_queue_watch_ops = &watch_ops;
}
