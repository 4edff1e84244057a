/*
 * pipe/: anonymous pipes that have a name in the tree. This file has the directory, and the table of the files of each pipe. fs/
 * calls the functions through the tables. The pipe lock is taken to mark a pipe as removed.
 */
#include "backends/pipe/tree.h"

#include "backends/common/attributes.h"
#include "backends/pipe/attributes.h"
#include "backends/pipe/ends.h"
#include "backends/pipe/pipe.h"

static int pipe_create(const void *context, const Object *directory, const char *name, mode_t mode, Object *out)
{
	Pipe *pipe = NULL;
	int result = pipe_new(&pipe);

	if (result < 0)
		return result;
	result = registry_create(&pipe_table, name, mode, pipe, out);
	if (result < 0)
		pipe_free(pipe);
	return result;
}

/* Readers of the removed pipe get the remaining bytes and then end of file; writers get EPIPE. */
static int pipe_remove(const void *context, const Object *object)
{
	Entry *entry = registry_get(&pipe_table, object->id);
	int result = registry_remove(&pipe_table, object);

	if (result == 0) {
		Pipe *pipe = entry->data;

		g_mutex_lock(&pipe_lock);
		pipe->removed = true;
		g_mutex_unlock(&pipe_lock);
		pipe_wake(entry, READING);
		pipe_wake(entry, WRITING);
	}
	entry_unref(&pipe_table, entry);
	return result;
}

static int pipe_stat(const void *context, const Object *object, ObjectStat *out)
{
	Entry *entry = registry_get(&pipe_table, object->id);
	int result = registry_stat(&pipe_table, object, out);

	if (result == 0)
		out->size = pipe_queued(entry->data);
	entry_unref(&pipe_table, entry);
	return result;
}

static const DirOps members = {
	.context = &pipe_table,
	.list = registry_list,
	.lookup = registry_lookup,
	.create = pipe_create,
	.remove = pipe_remove,
	.rename = registry_rename,
	.stat = pipe_stat,
	.set = registry_set,
	.permit = registry_permit,
};

static const FileDesc files[] = {
	{.name = "read", .kind = STREAM, .mode = 0444, .stream = &pipe_end},
	{.name = "write", .kind = STREAM, .mode = 0222, .stream = &pipe_end},
	STATUS(&pipe_attributes),
	ATTRIBUTE("capacity", 0666, &pipe_attributes),
	ATTRIBUTE("queued", 0444, &pipe_attributes),
	ATTRIBUTE("readers", 0444, &pipe_attributes),
	ATTRIBUTE("writers", 0444, &pipe_attributes),
	{0},
};

static const FileDesc member = {.kind = DIRECTORY, .files = files};

const FileDesc pipe_desc = {.name = "pipe", .kind = DIRECTORY, .mode = 01777, .members = &members, .member = &member};
