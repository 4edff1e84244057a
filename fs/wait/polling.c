/*
 * Polling. Somebody who polls waits in a group like a request, but is only told (FUSE's poll notification), and looks again
 * himself. Where waiting would mean to act (WAIT_CALL) nothing can wake him: then the file is looked at every few
 * milliseconds as long as he waits.
 */
#include <poll.h>

#include "fs/wait/wait_queue.h"

static GQueue lookouts = G_QUEUE_INIT; /* Protected by the waiting lock. Watch.link of watches without a group. */

/* Takes the poll handle of a file whose watches are disarmed by that. Called with the waiting lock held. */
static struct fuse_pollhandle *disarm(File *file)
{
	struct fuse_pollhandle *handle = file->poll_handle;

	file->poll_handle = NULL;
	for (int direction = READING; direction <= HANGUP; direction++) {
		Watch *watch = &file->watches[direction];

		if (!watch->armed)
			continue;
		watch->armed = false;
		if (watch->group) {
			g_queue_unlink(&watch->group->watches, &watch->link);
			group_settle(watch->group);
		} else {
			g_queue_unlink(&lookouts, &watch->link);
		}
	}
	return handle;
}

static void notify(struct fuse_pollhandle *handle)
{
	if (!handle)
		return;
	fuse_lowlevel_notify_poll(handle);
	fuse_pollhandle_destroy(handle);
}

void polling_notify(Group *group)
{
	GList *watch;

	do {
		struct fuse_pollhandle *handle = NULL;

		g_mutex_lock(&waiting_lock);
		watch = g_queue_peek_head_link(&group->watches);
		if (watch)
			handle = disarm(watch->data);
		g_mutex_unlock(&waiting_lock);
		notify(handle);
	} while (watch);
}

void waiting_watch(File *file, struct fuse_pollhandle *handle, int directions, unsigned wakes_before)
{
	Group *fresh_groups[HANGUP + 1] = {NULL};
	struct fuse_pollhandle *old, *late = NULL;
	Wait waits[HANGUP + 1];

	for (int direction = READING; direction <= HANGUP; direction++)
		if (directions & (1 << direction))
			file->handle.desc->stream->wait(&file->handle, direction, 0, &waits[direction]);
	g_mutex_lock(&waiting_lock);
	old = file->poll_handle;
	file->poll_handle = handle;
	for (int direction = READING; direction <= HANGUP; direction++) {
		Watch *watch = &file->watches[direction];
		bool fresh = false;

		if (!(directions & (1 << direction)) || watch->armed)
			continue;
		watch->armed = true;
		/* What a WAIT_CALL would do must not be done for somebody who only asks; nor is a poll ever refused. */
		watch->group = waits[direction].how == WAIT_CALL ?
				       NULL :
				       group_for(&waits[direction], file->handle.desc->stream, file->handle.caller.uid,
						 &fresh);
		g_queue_push_tail_link(watch->group ? &watch->group->watches : &lookouts, &watch->link);
		if (fresh)
			fresh_groups[direction] = watch->group;
		if (watch->group) {
			group_arm(watch->group);
		} else {
			watcher_call();
		}
	}
	if (group_wakes() != wakes_before)
		late = disarm(file);
	g_mutex_unlock(&waiting_lock);
	if (old)
		fuse_pollhandle_destroy(old);
	notify(late);
	for (int direction = READING; direction <= HANGUP; direction++)
		if (fresh_groups[direction])
			group_start(fresh_groups[direction]);
}

void waiting_drained(File *file, Direction direction, unsigned wakes_before)
{
	struct fuse_pollhandle *handle = NULL;

	g_mutex_lock(&waiting_lock);
	if (!file->watches[direction].armed)
		handle = g_steal_pointer(&file->poll_handle);
	g_mutex_unlock(&waiting_lock);
	if (handle)
		waiting_watch(file, handle, 1 << direction, wakes_before);
}

void waiting_unwatch(File *file)
{
	struct fuse_pollhandle *handle;

	g_mutex_lock(&waiting_lock);
	handle = disarm(file);
	g_mutex_unlock(&waiting_lock);
	if (handle)
		fuse_pollhandle_destroy(handle);
}

bool polling_ready(Group *group)
{
	File *file = NULL;
	GList *link;
	int events;

	g_mutex_lock(&waiting_lock);
	link = g_queue_peek_head_link(&group->watches);
	if (link)
		file = file_ref(link->data);
	g_mutex_unlock(&waiting_lock);
	if (!file)
		return false;
	events = file->handle.desc->stream->poll(&file->handle);
	file_unref(file);
	return events != 0;
}

bool polling_look(void)
{
	g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func((GDestroyNotify)file_unref);

	g_mutex_lock(&waiting_lock);
	for (GList *link = lookouts.head; link; link = link->next)
		g_ptr_array_add(files, file_ref(link->data));
	g_mutex_unlock(&waiting_lock);
	for (guint i = 0; i < files->len; i++) {
		File *file = files->pdata[i];
		struct fuse_pollhandle *handle = NULL;
		int events = file->handle.desc->stream->poll(&file->handle);

		g_mutex_lock(&waiting_lock);
		for (int direction = READING; direction <= HANGUP; direction++) {
			int wanted = POLLERR | POLLHUP |
				     (direction == READING ? POLLIN :
				      direction == WRITING ? POLLOUT :
							     0);

			if (file->watches[direction].armed && (events & wanted)) {
				handle = disarm(file);
				break;
			}
		}
		g_mutex_unlock(&waiting_lock);
		notify(handle);
	}
	return files->len > 0;
}
