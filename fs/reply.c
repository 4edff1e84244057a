/* Replies to the kernel (reply.h, with callers and locks). */
#include "fs/reply.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/core/host.h"
#include "backends/core/refusal.h"
#include "fs/wait/worker.h"

static struct fuse_session *session;

static _Thread_local fuse_req_t working_for;

void reply_working_for(fuse_req_t req)
{
	working_for = req;
}

static bool is_interrupted(void)
{
	/* The signal to a worker may have been meant for its previous call. The caller of host_interrupted() tries again. */
	return working_for ? fuse_req_interrupted(working_for) : worker_was_interrupted();
}

void reply_start(struct fuse_session *given)
{
	host_register(&(HostOps){.interrupted = is_interrupted});
	session = given;
}

struct fuse_session *reply_session(void)
{
	return session;
}

/* The caller's thread waits for the reply, so its id has not been reused. */
void reply_sigpipe(fuse_req_t req)
{
	pid_t thread = fuse_req_ctx(req)->pid;

	if (thread > 0)
		syscall(SYS_tkill, thread, SIGPIPE);
}

void reply_refusal_at(fuse_req_t req, Inode *inode, const char *name, int error, const char *verb)
{
	uid_t uid = fuse_req_ctx(req)->uid;

	if (error == -EPIPE)
		reply_sigpipe(req);
	if ((error != -EAGAIN && error != -EINTR) || refusal_noted()) {
		g_autofree char *path = inode_path(inode, name);
		g_autofree char *what = g_strconcat(verb, " ", path, NULL);

		refusal_keep(uid, what, -error);
	}
	fuse_reply_err(req, -error);
}

void reply_refusal(fuse_req_t req, Inode *inode, int error, const char *verb)
{
	reply_refusal_at(req, inode, NULL, error, verb);
}

void reply_result_at(fuse_req_t req, Inode *inode, const char *name, int error, const char *verb)
{
	if (error < 0)
		reply_refusal_at(req, inode, name, error, verb);
	else
		fuse_reply_err(req, 0);
}

/* fuse_reply_open() has no field for FOPEN_STREAM. Without that flag a reader and a writer of one descriptor block each other. */
static void reply_open(fuse_req_t req, File *file, uint32_t flags)
{
	const struct fuse_open_out out = {.fh = file->slot, .open_flags = flags};

	/* ENOENT: the caller was interrupted, and the kernel will send no RELEASE. */
	if (fuse_reply_buf(req, (const char *)&out, sizeof out) == -ENOENT)
		file_unref(file);
}

void reply_stream_open(fuse_req_t req, File *file)
{
	file_opened(file);
	reply_open(req, file, FOPEN_DIRECT_IO | FOPEN_STREAM | FOPEN_NOFLUSH | FOPEN_PARALLEL_DIRECT_WRITES);
}

void reply_text_open(fuse_req_t req, File *file)
{
	reply_open(req, file, FOPEN_DIRECT_IO | FOPEN_NOFLUSH);
}

char *reply_buffer(size_t size)
{
	static GPrivate key = G_PRIVATE_INIT(g_free);
	static _Thread_local size_t room;
	char *buffer = g_private_get(&key);

	if (!buffer || size > room) {
		g_free(buffer);
		room = MAX(size, (size_t)1 << 20);
		buffer = g_malloc(room);
		g_private_set(&key, buffer);
	}
	return buffer;
}
