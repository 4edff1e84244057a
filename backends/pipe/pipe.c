/*
 * Making and freeing pipes, and waking the requests that wait for them: see pipe.h. Defines the pipe lock. tree.c, ends.c and
 * attributes.c call the functions.
 */
#include "backends/pipe/pipe.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "backends/core/credentials.h"
#include "backends/core/host.h"
#include "backends/core/refusal.h"

enum { PIPES_USER = 256 /* each takes two descriptors of the daemon */ };

GMutex pipe_lock;

static void pipe_end(Entry *entry)
{
	pipe_free(entry->data);
}

Registry pipe_table = {
	.quota = {.what = "pipes", .remedy = "remove some", .error = ENOSPC, .user_max = PIPES_USER},
	.end = pipe_end,
};

void pipe_free(Pipe *pipe)
{
	capacity_release(&pipe->capacity);
	close(pipe->ends[READING]);
	close(pipe->ends[WRITING]);
	g_free(pipe);
}

/* The descriptors and the kernel's limits are the daemon's. The maker's own limits are checked in capacity.c. */
int pipe_new(Pipe **out)
{
	Pipe *pipe = g_new0(Pipe, 1);
	int result;

	creds_raise();
	result = pipe2(pipe->ends, O_NONBLOCK | O_CLOEXEC) < 0 ? -errno : 0;
	creds_lower();
	if (result < 0) {
		g_free(pipe);
		return refuse_descriptor(-result);
	}
	result = capacity_charge(&pipe->capacity, pipe->ends[WRITING], geteuid());
	if (result < 0)
		pipe_free(pipe);
	else
		*out = pipe;
	return result;
}

int64_t pipe_queued(const Pipe *pipe)
{
	int bytes = 0;

	ioctl(pipe->ends[READING], FIONREAD, &bytes);
	return bytes;
}

int64_t pipe_open_files(const Pipe *pipe, Direction end)
{
	int64_t count;

	g_mutex_lock(&pipe_lock);
	count = pipe->open[end];
	g_mutex_unlock(&pipe_lock);
	return count;
}

enum { KEY_TABLE, KEY_ID, KEY_END, KEY_WHAT };

void pipe_fill_key(int64_t id, Direction end, Direction what, int64_t key[4])
{
	key[KEY_TABLE] = (int64_t)(intptr_t)&pipe_table;
	key[KEY_ID] = id;
	key[KEY_END] = end;
	key[KEY_WHAT] = what;
}

void pipe_wake(const Entry *entry, Direction end)
{
	int64_t key[4];

	pipe_fill_key(entry->id, end, end, key);
	host_wake(key);
	pipe_fill_key(entry->id, end, HANGUP, key);
	host_wake(key);
}
