/*
 * A fake libfuse for unit tests of fs/: the functions that reply to a request, record the reply; the interrupt callback is called
 * as libfuse calls it, with the lock of the request held. No session, no mount. A test program that links fake_fuse.c uses
 * these functions in place of libfuse's.
 */
#pragma once

#include <stdbool.h>

#include <glib.h>

#include "fs/fuse.h"

enum { FAKE_LIMIT_MS = 10000 };

struct fuse_req {
	struct fuse_ctx ctx;
	gid_t groups[4];
	int ngroups;
	bool gone; /* the kernel does not know the request any more: each reply returns -ENOENT */

	GMutex lock;
	fuse_interrupt_func_t interrupt; /* Protected by lock, as all below. */
	void *data;
	bool interrupted;

	int replies; /* how many; more than one is an error */
	int error;   /* of fuse_reply_err */
	char *bytes;
	size_t size; /* of fuse_reply_buf: bytes; of fuse_reply_write: the number */
	struct fuse_entry_param entry;
	struct fuse_file_info file;
	struct stat attributes;
	unsigned events;
};

struct fuse_pollhandle {
	int notified, destroyed; /* atomic */
};

/* A request of this user, by thread 1 of a process. Owned by the test until the program ends. */
fuse_req_t fake_request(uid_t uid);

/* The kernel interrupts the request. */
void fake_interrupt(fuse_req_t req);

/* Whether it has its reply. */
bool fake_has_reply(fuse_req_t req);

/* Waits for the reply. */
void fake_await_reply(fuse_req_t req);

/* Waits for the reply, and fails the test unless it is this error (positive; 0: none), or these bytes of a read. */
void fake_expect_error(fuse_req_t req, int error);
void fake_expect_bytes(fuse_req_t req, const char *bytes);
void fake_expect_size(fuse_req_t req, size_t size);

struct fuse_pollhandle *fake_pollhandle(void);

/* Waits until the handle has been notified, and destroyed. */
void fake_expect_notified(struct fuse_pollhandle *handle);

/* The backing id that fuse_passthrough_open() returns; 0: it fails. The calls of it. */
extern int fake_backing, fake_passthroughs;

/* The answer to OPEN that went out by fuse_reply_buf(). */
uint64_t fake_opened_slot(fuse_req_t req);
