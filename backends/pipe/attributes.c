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

static int attribute_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	Entry *entry = registry_get(&pipe_table, object->id);

	if (!entry)
		return -ENOENT;
	text_number(out, value_of(desc->which, entry->data));
	entry_unref(&pipe_table, entry);
	return 0;
}

static int status_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	Entry *entry = registry_get(&pipe_table, object->id);
	ObjectStat stat;

	if (!entry)
		return -ENOENT;
	registry_stat(&pipe_table, object, &stat);
	g_string_append_printf(out, "Uid:\t%u\nGid:\t%u\nMode:\t%04o\n", stat.uid, stat.gid, stat.mode);
	for (int which = 0; which < PIPE_ATTRIBUTES; which++) {
		text_label(out, labels[which]);
		text_number(out, value_of(which, entry->data));
	}
	entry_unref(&pipe_table, entry);
	return 0;
}

static int capacity_store(const FileDesc *desc, const Object *object, const char *text)
{
	Entry *entry;
	int64_t bytes;
	int result;

	/* The kernel's own bound, see round_pipe_size() in fs/pipe.c. */
	if (!parse_size(text, 1, 1U << 31, &bytes))
		return refuse(EINVAL, "capacity is a number of bytes, such as 1048576 or 1M");
	entry = registry_get(&pipe_table, object->id);
	if (!entry)
		return -ENOENT;
	result = pipe_resize(entry->data, bytes);
	if (result == 0)
		pipe_wake(entry, WRITING);
	entry_unref(&pipe_table, entry);
	return result;
}

const TextOps pipe_attribute = {.show = attribute_show};
const TextOps pipe_capacity = {.show = attribute_show, .store = capacity_store};
const TextOps pipe_status = {.show = status_show};
