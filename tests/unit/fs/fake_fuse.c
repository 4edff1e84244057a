#include "tests/unit/fs/fake_fuse.h"

#include <errno.h>
#include <string.h>

int fake_backing, fake_passthroughs;

/* Keeps everything that lives until the program ends reachable, so that LeakSanitizer does not report it. */
static void *keep_forever(void *record)
{
	static GMutex lock;
	static GSList *all;

	g_mutex_lock(&lock);
	all = g_slist_prepend(all, record);
	g_mutex_unlock(&lock);
	return record;
}

fuse_req_t fake_request(uid_t uid)
{
	struct fuse_req *req = keep_forever(g_new0(struct fuse_req, 1));

	req->ctx = (struct fuse_ctx){.uid = uid, .gid = uid, .pid = 1};
	g_mutex_init(&req->lock);
	return req;
}

void fake_interrupt(fuse_req_t req)
{
	g_mutex_lock(&req->lock);
	req->interrupted = true;
	if (req->interrupt)
		req->interrupt(req, req->data);
	g_mutex_unlock(&req->lock);
}

bool fake_has_reply(fuse_req_t req)
{
	bool replied;

	g_mutex_lock(&req->lock);
	replied = req->replies > 0;
	g_mutex_unlock(&req->lock);
	return replied;
}

void fake_await_reply(fuse_req_t req)
{
	const gint64 limit = g_get_monotonic_time() + FAKE_LIMIT_MS * 1000;

	while (!fake_has_reply(req) && g_get_monotonic_time() < limit)
		g_usleep(500);
	g_assert_true(fake_has_reply(req));
}

void fake_expect_error(fuse_req_t req, int error)
{
	fake_await_reply(req);
	g_assert_cmpint(req->error, ==, error);
}

void fake_expect_bytes(fuse_req_t req, const char *bytes)
{
	fake_expect_error(req, 0);
	g_assert_cmpmem(req->bytes, req->size, bytes, strlen(bytes));
}

void fake_expect_size(fuse_req_t req, size_t size)
{
	fake_expect_error(req, 0);
	g_assert_cmpuint(req->size, ==, size);
}

struct fuse_pollhandle *fake_pollhandle(void)
{
	return keep_forever(g_new0(struct fuse_pollhandle, 1));
}

void fake_expect_notified(struct fuse_pollhandle *handle)
{
	const gint64 limit = g_get_monotonic_time() + FAKE_LIMIT_MS * 1000;

	while (!g_atomic_int_get(&handle->destroyed) && g_get_monotonic_time() < limit)
		g_usleep(500);
	g_assert_cmpint(g_atomic_int_get(&handle->notified), ==, 1);
	g_assert_cmpint(g_atomic_int_get(&handle->destroyed), ==, 1);
}

uint64_t fake_opened_slot(fuse_req_t req)
{
	struct fuse_open_out out;

	fake_expect_size(req, sizeof out);
	memcpy(&out, req->bytes, sizeof out);
	return out.fh;
}

/* -- libfuse -------------------------------------------------------------------------------------------------------- */

/* Counts a reply, with the lock of the request taken; the caller fills in the rest and calls end_reply(). */
static void begin_reply(fuse_req_t req)
{
	g_mutex_lock(&req->lock);
	g_assert_cmpint(req->replies, ==, 0);
	/* libfuse frees the request: a callback would come too late. */
	g_assert_null(req->interrupt);
}

static int end_reply(fuse_req_t req)
{
	req->replies++;
	g_mutex_unlock(&req->lock);
	return req->gone ? -ENOENT : 0;
}

const struct fuse_ctx *fuse_req_ctx(fuse_req_t req)
{
	return &req->ctx;
}

int fuse_req_getgroups(fuse_req_t req, int size, gid_t list[])
{
	for (int i = 0; i < MIN(size, req->ngroups); i++)
		list[i] = req->groups[i];
	return req->ngroups;
}

void fuse_req_interrupt_func(fuse_req_t req, fuse_interrupt_func_t func, void *data)
{
	g_mutex_lock(&req->lock);
	req->interrupt = func;
	req->data = data;
	if (req->interrupted && func)
		func(req, data);
	g_mutex_unlock(&req->lock);
}

int fuse_req_interrupted(fuse_req_t req)
{
	bool interrupted;

	g_mutex_lock(&req->lock);
	interrupted = req->interrupted;
	g_mutex_unlock(&req->lock);
	return interrupted;
}

int fuse_reply_err(fuse_req_t req, int err)
{
	begin_reply(req);
	req->error = err;
	return end_reply(req);
}

int fuse_reply_buf(fuse_req_t req, const char *buf, size_t size)
{
	begin_reply(req);
	req->bytes = g_memdup2(buf, size);
	req->size = size;
	return end_reply(req);
}

int fuse_reply_write(fuse_req_t req, size_t count)
{
	begin_reply(req);
	req->size = count;
	return end_reply(req);
}

int fuse_reply_entry(fuse_req_t req, const struct fuse_entry_param *e)
{
	begin_reply(req);
	req->entry = *e;
	return end_reply(req);
}

int fuse_reply_open(fuse_req_t req, const struct fuse_file_info *fi)
{
	begin_reply(req);
	req->file = *fi;
	return end_reply(req);
}

int fuse_reply_attr(fuse_req_t req, const struct stat *attr, double attr_timeout)
{
	(void)attr_timeout;
	begin_reply(req);
	req->attributes = *attr;
	return end_reply(req);
}

int fuse_reply_poll(fuse_req_t req, unsigned revents)
{
	begin_reply(req);
	req->events = revents;
	return end_reply(req);
}

int fuse_reply_statfs(fuse_req_t req, const struct statvfs *stbuf)
{
	(void)stbuf;
	begin_reply(req);
	return end_reply(req);
}

void fuse_reply_none(fuse_req_t req)
{
	begin_reply(req);
	end_reply(req);
}

int fuse_lowlevel_notify_poll(struct fuse_pollhandle *ph)
{
	g_assert_cmpint(g_atomic_int_get(&ph->destroyed), ==, 0);
	g_atomic_int_inc(&ph->notified);
	return 0;
}

void fuse_pollhandle_destroy(struct fuse_pollhandle *ph)
{
	g_assert_cmpint(g_atomic_int_get(&ph->destroyed), ==, 0);
	g_atomic_int_inc(&ph->destroyed);
}

int fuse_lowlevel_notify_store(struct fuse_session *se, fuse_ino_t ino, off_t offset, struct fuse_bufvec *bufv,
			       enum fuse_buf_copy_flags flags)
{
	(void)se, (void)ino, (void)offset, (void)bufv, (void)flags;
	return 0;
}

int fuse_passthrough_open(fuse_req_t req, int fd)
{
	(void)req, (void)fd;
	fake_passthroughs++;
	return fake_backing;
}

int fuse_session_fd(struct fuse_session *se)
{
	(void)se;
	return -1;
}
