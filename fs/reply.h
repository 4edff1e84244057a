/* Answers to the kernel that need more than libfuse's one call. */
#pragma once

#include "fs/file.h"

/*
 * Answers with an error, and keeps in words what was refused: `verb` and the inode's path (with `name` below it, may be
 * NULL). `error` is negative. What is no refusal (EAGAIN, EINTR without a reason) is not kept.
 */
void reply_refusal_at(fuse_req_t req, Inode *inode, const char *name, int error, const char *verb);
void reply_refusal(fuse_req_t req, Inode *inode, int error, const char *verb);

/* Sends SIGPIPE to the caller, ahead of the answer: FUSE raises none where write(2) natively would. -EPIPE includes it. */
void reply_sigpipe(fuse_req_t req);

/* Answers with `error`, negative, or with success. */
void reply_result_at(fuse_req_t req, Inode *inode, const char *name, int error, const char *verb);

/* Answers the open of a stream, and lets the file go if nobody is there any more to take it. */
void reply_stream_open(fuse_req_t req, File *file);

/* The same for a text file. */
void reply_text_open(fuse_req_t req, File *file);

/* This thread works for that request until it says NULL: host_interrupted() tells of its interrupt. */
void reply_working_for(fuse_req_t req);

/* The session that answers go to. */
void reply_start(struct fuse_session *session);
struct fuse_session *reply_session(void);

/* This thread's room for what a read returns: at least `size` bytes, until the thread asks again. */
char *reply_buffer(size_t size);
