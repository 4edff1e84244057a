/*
 * The attributes of a pipe: see attributes.h. fs/ reaches the functions through the tables of backends/common/attributes. The
 * pipe lock is taken for the counts of open files.
 */
#include "backends/pipe/attributes.h"

#include <errno.h>

#include "backends/core/parse.h"
#include "backends/core/refusal.h"
#include "backends/pipe/pipe.h"

typedef struct Snapshot {
	ObjectStat stat;
	int64_t capacity, queued, readers, writers;
} Snapshot;

static int snapshot_load(const Object *object, void *out)
{
	Entry *entry = registry_get(&pipe_table, object->id);
	Snapshot *snapshot = out;
	const Pipe *pipe;

	if (!entry)
		return -ENOENT;
	pipe = entry->data;
	registry_stat(&pipe_table, object, &snapshot->stat);
	snapshot->capacity = capacity_get(&pipe->capacity);
	snapshot->queued = pipe_queued(pipe);
	snapshot->readers = pipe_open_files(pipe, READING);
	snapshot->writers = pipe_open_files(pipe, WRITING);
	entry_unref(&pipe_table, entry);
	return 0;
}

static int capacity_store(const Object *object, const char *text)
{
	Entry *entry;
	Pipe *pipe;
	int64_t bytes;
	int result;

	/* The upper bound is the kernel's: round_pipe_size() in fs/pipe.c. */
	if (!parse_size(text, 1, 1U << 31, &bytes))
		return refuse(EINVAL,
			      "capacity is not a number of bytes from 1 to 2G: write a number such as 1048576 or 1M");
	entry = registry_get(&pipe_table, object->id);
	if (!entry)
		return -ENOENT;
	pipe = entry->data;
	result = capacity_set(&pipe->capacity, bytes);
	if (result == 0)
		pipe_wake(entry, WRITING);
	entry_unref(&pipe_table, entry);
	return result;
}

static const Attribute attributes[] = {
	{"uid", NULL, attribute_print_id, offsetof(Snapshot, stat.uid)},
	{"gid", NULL, attribute_print_id, offsetof(Snapshot, stat.gid)},
	{"mode", NULL, attribute_print_mode, offsetof(Snapshot, stat.mode)},
	{"capacity", "bytes", attribute_print_int64, offsetof(Snapshot, capacity), .store = capacity_store},
	{"queued", "bytes", attribute_print_int64, offsetof(Snapshot, queued)},
	{"readers", "files", attribute_print_int64, offsetof(Snapshot, readers)},
	{"writers", "files", attribute_print_int64, offsetof(Snapshot, writers)},
	{0},
};

const AttributeSet pipe_attributes = {
	.attributes = attributes,
	.size = sizeof(Snapshot),
	.load = snapshot_load,
};
