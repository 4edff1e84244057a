/* Open files (file.h, with callers and locks). */
#include "fs/file.h"

#include <unistd.h>

#include "fs/table.h"

enum { FILES_MAX = 1 << 20 };

static Table *files;

void file_start(void)
{
	files = table_new(sizeof(File), FILES_MAX);
}

File *file_new(Inode *inode, int flags, const Caller *caller, gid_t *groups)
{
	uint32_t slot;
	File *file = table_add(files, &slot);

	if (!file) {
		g_free(groups);
		return NULL;
	}
	file->slot = slot;
	file->inode = inode;
	file->refs = 1;
	file->groups = groups;
	file->fd = -1;
	file->handle = (Handle){.desc = inode->desc, .object = inode_object(inode), .flags = flags, .caller = *caller};
	for (int direction = READING; direction <= WRITING; direction++)
		g_queue_init(&file->lanes[direction].queued);
	for (int direction = READING; direction <= HANGUP; direction++)
		file->watches[direction].link.data = file;
	inode_ref(inode);
	return file;
}

File *file_get(uint64_t slot)
{
	return table_at(files, (uint32_t)slot);
}

File *file_ref(File *file)
{
	g_atomic_int_inc(&file->refs);
	return file;
}

void file_opened(File *file)
{
	file->opened = true;
}

void file_unref(File *file)
{
	const StreamOps *stream = file->handle.desc->stream;

	if (!g_atomic_int_dec_and_test(&file->refs))
		return;
	if (file->opened && stream && stream->close)
		stream->close(&file->handle);
	if (!file->opened && stream && stream->cancel)
		stream->cancel(&file->handle);
	buffer_clear(&file->handle.rest);
	buffer_clear(&file->handle.unsent);
	if (file->text)
		g_string_free(file->text, TRUE);
	if (file->names)
		g_array_unref(file->names);
	if (file->fd >= 0)
		close(file->fd);
	g_free(file->groups);
	if (file->writer)
		inode_release_writer(file->inode);
	inode_unref(file->inode);
	table_drop(files, file->slot);
}
