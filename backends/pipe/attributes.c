/* The attributes of a pipe: a file for each, and status with all of them. */
#include <errno.h>
#include <unistd.h>

#include "backends/core/parse.h"
#include "backends/pipe/pipe.h"
#include "backends/core/text.h"
#include "backends/core/refusal.h"

static const char *const labels[PIPE_ATTRIBUTES] = {
	[PIPE_CAPACITY] = "Capacity",
	[PIPE_QUEUED] = "Queued",
	[PIPE_READERS] = "Readers",
	[PIPE_WRITERS] = "Writers",
};

static int64_t value_of(int which, const Pipe *pipe)
{
	switch (which) {
	case PIPE_CAPACITY:
		return fcntl(pipe->ends[WRITING], F_GETPIPE_SZ);
	case PIPE_QUEUED:
		return pipe_queued(pipe);
	case PIPE_READERS:
		return pipe_open_files(pipe, READING);
	case PIPE_WRITERS:
		return pipe_open_files(pipe, WRITING);
	default:
		g_assert_not_reached();
	}
}

static int attribute_show(const Row *row, const Object *object, const Caller *caller, GString *out)
{
	Own *own = own_get(&pipe_table, object->id);

	(void)caller;
	if (!own)
		return -ENOENT;
	text_number(out, value_of(row->which, own->data));
	own_unref(&pipe_table, own);
	return 0;
}

static int status_show(const Row *row, const Object *object, const Caller *caller, GString *out)
{
	Own *own = own_get(&pipe_table, object->id);
	ObjectStat stat;

	(void)row, (void)caller;
	if (!own)
		return -ENOENT;
	own_stat(&pipe_table, object, &stat);
	g_string_append_printf(out, "Uid:\t%u\nGid:\t%u\nMode:\t%04o\n", stat.uid, stat.gid, stat.mode);
	for (int which = 0; which < PIPE_ATTRIBUTES; which++) {
		text_label(out, labels[which]);
		text_number(out, value_of(which, own->data));
	}
	own_unref(&pipe_table, own);
	return 0;
}

static int capacity_store(const Row *row, const Object *object, const char *text)
{
	Own *own;
	int64_t bytes;
	int result;

	(void)row;
	/* The kernel's own bound, see round_pipe_size() in fs/pipe.c. */
	if (!parse_size(text, 1, 1U << 31, &bytes))
		return why_refuse(EINVAL, "capacity is a number of bytes, such as 1048576 or 1M");
	own = own_get(&pipe_table, object->id);
	if (!own)
		return -ENOENT;
	result = pipe_resize(own->data, bytes);
	if (result == 0)
		pipe_wake(own, WRITING);
	own_unref(&pipe_table, own);
	return result;
}

const TextOps pipe_attribute = {.show = attribute_show};
const TextOps pipe_capacity = {.show = attribute_show, .store = capacity_store};
const TextOps pipe_status = {.show = status_show};
