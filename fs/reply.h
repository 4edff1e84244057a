/*
 * Replies to the kernel that need more than one call of libfuse; the session that they go to; the interrupts of slow
 * calls.
 *
 * Callers: all of fs/, on the thread that owns the request. No lock may be held: a reply takes libfuse's lock of the
 * request and makes a system call.
 */
#pragma once

#include "fs/file.h"

/*
 * Replies with an error, and stores the refusal for /ipc/why: `verb` and the path of the inode (with `name` below it;
 * may be NULL). `error` is negative. EAGAIN and EINTR without a noted reason are no refusals.
 */
void reply_refusal_at(fuse_req_t req, Inode *inode, const char *name, int error, const char *verb);
void reply_refusal(fuse_req_t req, Inode *inode, int error, const char *verb);

/* Sends SIGPIPE to the caller, before the reply, since FUSE sends none. reply_refusal() does so for -EPIPE. */
void reply_sigpipe(fuse_req_t req);

/* Replies with `error`, negative, as reply_refusal_at() does; or with success. */
void reply_result_at(fuse_req_t req, Inode *inode, const char *name, int error, const char *verb);

/* Replies to the open of a stream. If the caller was interrupted and gets no reply, the file is released. */
void reply_stream_open(fuse_req_t req, File *file);

/* The same for the open of a text file. */
void reply_text_open(fuse_req_t req, File *file);

/* Until the call with NULL, host_interrupted() on this thread reports an interrupt of that request. */
void reply_working_for(fuse_req_t req);

/* The session that replies go to. Set once, before any reply. */
void reply_start(struct fuse_session *session);
struct fuse_session *reply_session(void);

/* A buffer of this thread for the bytes of a read: at least `size` bytes, valid until the thread calls this again. */
char *reply_buffer(size_t size);
