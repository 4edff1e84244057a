/*
 * Text files.
 *
 * A read returns from a snapshot, which the first read of an open takes (or the first after a write). A reader with a
 * small buffer thus sees one state. A write is stored whole, whatever its offset.
 *
 * Callers: open.c, on a dispatcher thread. TextOps that may take long (`slow`) run on a worker.
 *
 * Locking: `lock`, "the text lock", guards the snapshot of every file. No other lock is taken under it.
 */
#include <errno.h>
#include <string.h>

#include "backends/core/credentials.h"
#include "backends/core/refusal.h"
#include "fs/reply.h"
#include "fs/text.h"
#include "fs/wait/worker.h"

enum { TEXT_MAX = 65536 };

static GMutex lock;

void text_open(fuse_req_t req, File *file)
{
	reply_text_open(req, file);
}

/* Takes the snapshot, if there is none. */
static int take_snapshot(File *file)
{
	const Handle *handle = &file->handle;
	GString *text;
	int result;

	if (!handle->desc->text->show)
		return -EACCES;
	text = g_string_new(NULL);
	result = handle->desc->text->show(handle->desc, &handle->object, &handle->caller, text);
	g_mutex_lock(&lock);
	if (result == 0 && !file->text)
		file->text = g_steal_pointer(&text);
	g_mutex_unlock(&lock);
	if (text)
		g_string_free(text, TRUE);
	return result;
}

/* Replies from the snapshot. False: there is none. */
static bool reply_snapshot(fuse_req_t req, File *file, size_t size, off_t offset)
{
	g_autofree char *part = NULL;
	size_t n = 0;

	g_mutex_lock(&lock);
	if (!file->text) {
		g_mutex_unlock(&lock);
		return false;
	}
	if ((size_t)offset < file->text->len) {
		n = MIN(size, file->text->len - offset);
		part = g_memdup2(file->text->str + offset, n);
	}
	g_mutex_unlock(&lock);
	fuse_reply_buf(req, part, n);
	return true;
}

typedef struct ShowJob {
	fuse_req_t req;
	File *file;
	size_t size;
	off_t offset;
} ShowJob;

static void show_and_reply(void *data)
{
	ShowJob *job = data;
	int result;

	refusal_forget();
	reply_working_for(job->req);
	result = take_snapshot(job->file);
	reply_working_for(NULL);
	if (result < 0)
		reply_refusal(job->req, job->file->inode, result, "read");
	else if (!reply_snapshot(job->req, job->file, job->size, job->offset))
		fuse_reply_err(job->req, EAGAIN); /* a write has just dropped the snapshot */
	g_free(job);
}

void text_read(fuse_req_t req, File *file, size_t size, off_t offset)
{
	ShowJob *job;

	if (reply_snapshot(req, file, size, offset))
		return;
	job = g_new(ShowJob, 1);
	*job = (ShowJob){.req = req, .file = file, .size = size, .offset = offset};
	if (!file->handle.desc->text->slow) {
		show_and_reply(job);
	} else if (worker_run(show_and_reply, job) < 0) {
		g_free(job);
		fuse_reply_err(req, ENOMEM);
	}
}

static int store_text(File *file, const char *buf, size_t size)
{
	const Handle *handle = &file->handle;
	g_autofree char *text = NULL;
	int result;

	if (size > TEXT_MAX || memchr(buf, '\0', size))
		return refuse(EINVAL, "not a text: write at most %d bytes without NUL", TEXT_MAX);
	text = g_strndup(buf, size > 0 && buf[size - 1] == '\n' ? size - 1 : size);
	result = creds_override(&handle->caller);
	if (result < 0)
		return result;
	result = handle->desc->text->store(handle->desc, &handle->object, text);
	creds_revert();
	return result;
}

static void store_and_reply(fuse_req_t req, File *file, const char *buf, size_t size)
{
	GString *dropped;
	int result;

	refusal_forget();
	result = store_text(file, buf, size);
	if (result < 0) {
		reply_refusal(req, file->inode, result, "write");
		return;
	}
	g_mutex_lock(&lock);
	dropped = g_steal_pointer(&file->text);
	g_mutex_unlock(&lock);
	if (dropped)
		g_string_free(dropped, TRUE);
	fuse_reply_write(req, size);
}

typedef struct StoreJob {
	fuse_req_t req;
	File *file; /* held */
	size_t size;
	char *text; /* owned */
} StoreJob;

static void store_on_worker(void *data)
{
	StoreJob *job = data;

	reply_working_for(job->req);
	store_and_reply(job->req, job->file, job->text, job->size);
	reply_working_for(NULL);
	file_unref(job->file);
	g_free(job->text);
	g_free(job);
}

void text_write(fuse_req_t req, File *file, const char *buf, size_t size)
{
	StoreJob *job;

	if (!file->handle.desc->text->slow || size > TEXT_MAX) {
		store_and_reply(req, file, buf, size);
		return;
	}
	job = g_new(StoreJob, 1);
	*job = (StoreJob){.req = req, .file = file_ref(file), .size = size, .text = g_memdup2(buf, size)};
	if (worker_run(store_on_worker, job) < 0)
		store_on_worker(job);
}
