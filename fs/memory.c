/*
 * Memory: the pages of an object as a file.
 *
 * At open the kernel gets a descriptor of the memory itself (FUSE passthrough), and maps, reads and writes the memory
 * at native speed without the daemon. It reopens the memory with the flags of the open(2), so a file that is open only
 * for reading gives no writable mapping. A mapping stays valid after the file is closed.
 *
 * Without CAP_SYS_ADMIN nothing is passed through. Reads and writes then come to the daemon, and the kernel refuses
 * shared mappings (ENODEV). Reads and writes of bounded memory (MemoryOps.bounded) that is open for writing come to the
 * daemon too, because the kernel would let a write extend it.
 *
 * Each open has an inode of its own (inode.h), since one inode has one passthrough memory, while objects come and go
 * under one name. Several opens of one inode (through /proc/PID/fd) share one backing id.
 *
 * O_TRUNC never shrinks an object. It arrives as an open, and then as a change of size to 0 without a file handle, just
 * as truncate(2) does without an open. No path leads to an inode that is open. So a change of an open inode comes from
 * O_TRUNC, and a change of any other inode from truncate(2).
 *
 * Callers: open.c and attributes.c, on a dispatcher thread. Changes of size run on a worker.
 *
 * Locking: `lock`, "the memory lock", guards the table of open memory. It is not held across a system call.
 */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/core/credentials.h"
#include "backends/core/refusal.h"
#include "fs/caller.h"
#include "fs/lookup.h"
#include "fs/memory.h"
#include "fs/reply.h"
#include "fs/wait/worker.h"

/* The state that the opens of one inode share. */
typedef struct OpenMemory {
	int backing;      /* the kernel's id of the memory that is passed through; 0: none */
	GPtrArray *files; /* File; those that are open */
	bool stale;       /* a file has moved on to the recreated object; the memory passed through is the old one */
} OpenMemory;

static GMutex lock;
static GHashTable *opened; /* Protected by lock. Inode -> OpenMemory, owned. */
static bool passes;        /* the kernel lets the daemon pass memory through; set once */

static void opened_free(gpointer data)
{
	OpenMemory *entry = data;

	g_ptr_array_unref(entry->files);
	g_free(entry);
}

void memory_start(bool may_pass)
{
	opened = g_hash_table_new_full(NULL, NULL, NULL, opened_free);
	passes = may_pass;
}

static const MemoryOps *ops_of(const File *file)
{
	return file->handle.desc->memory;
}

/* An open file of this inode, held; NULL if there is none. */
static File *open_file_of(Inode *inode)
{
	const OpenMemory *entry;
	File *file = NULL;

	g_mutex_lock(&lock);
	entry = g_hash_table_lookup(opened, inode);
	if (entry)
		file = file_ref(g_ptr_array_index(entry->files, 0));
	g_mutex_unlock(&lock);
	return file;
}

/* -- Opening -------------------------------------------------------------------------------------------------------- */

static int open_backing(const File *file)
{
	const Handle *handle = &file->handle;
	int fd = creds_override(&handle->caller);

	if (fd < 0)
		return fd;
	fd = handle->desc->memory->backing(&handle->object, handle->flags & (O_ACCMODE | O_APPEND));
	creds_revert();
	return fd;
}

/* Whether both are the same memory: the object may have been recreated since the look-up of the inode. */
static bool same_memory(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/*
 * Joins the earlier opens of the file's inode. Returns their backing id, which the file now shares; 0 if there are
 * none; -ESTALE (joined nevertheless) if they have other memory.
 */
static int join_opens(File *file)
{
	OpenMemory *entry;
	File *earlier = NULL;
	bool stale = false;
	int backing = 0;

	g_mutex_lock(&lock);
	entry = g_hash_table_lookup(opened, file->inode);
	if (entry && entry->backing) {
		backing = entry->backing;
		stale = entry->stale;
		earlier = file_ref(g_ptr_array_index(entry->files, 0));
		g_ptr_array_add(entry->files, file);
	}
	g_mutex_unlock(&lock);
	if (!earlier)
		return 0;
	stale = stale || !same_memory(earlier->fd, file->fd);
	file_unref(earlier);
	return stale ? refuse(ESTALE, "the object was recreated: open it by its name") : backing;
}

/* Enters an open file with its backing id. Returns the id that counts: another open may have been first. */
static int enter_open(File *file, int backing)
{
	OpenMemory *entry;

	g_mutex_lock(&lock);
	entry = g_hash_table_lookup(opened, file->inode);
	if (!entry) {
		entry = g_new0(OpenMemory, 1);
		entry->files = g_ptr_array_new();
		g_hash_table_insert(opened, file->inode, entry);
	}
	if (!entry->backing)
		entry->backing = backing;
	backing = entry->backing;
	g_ptr_array_add(entry->files, file);
	g_mutex_unlock(&lock);
	return backing;
}

/* Not fuse_passthrough_close(): that needs a request, and this one may have its reply already. */
static void backing_close(int backing)
{
	const uint32_t id = (uint32_t)backing;

	if (ioctl(fuse_session_fd(reply_session()), FUSE_DEV_IOC_BACKING_CLOSE, &id) < 0)
		g_warning("cannot end the passthrough of memory: %s", g_strerror(errno));
}

static void explain_no_mapping(fuse_req_t req, Inode *inode)
{
	g_autofree char *path = inode_path(inode, NULL);
	g_autofree char *what = g_strconcat("mmap ", path, NULL);

	refuse(ENODEV,
	       "memory cannot be mapped here, only read and written: mapping needs a daemon that runs as root with "
	       "CAP_SYS_ADMIN, on Linux 6.9 or later with FUSE passthrough");
	refusal_keep(fuse_req_ctx(req)->uid, what, ENODEV);
}

/* Passes the file's memory through to the kernel, and enters the open. The backing id; 0: not passed through; or -ESTALE. */
static int pass_through(fuse_req_t req, File *file)
{
	int backing = 0, used;

	if (file->fd >= 0 && passes) {
		backing = join_opens(file);
		if (backing)
			return backing;
		/* The kernel may refuse it, for memory on a stacked file system. libfuse logs that. */
		backing = fuse_passthrough_open(req, file->fd);
		if (backing < 0)
			backing = 0;
	}
	used = enter_open(file, backing);
	if (backing && used != backing)
		backing_close(backing);
	return used;
}

void memory_open(fuse_req_t req, File *file)
{
	const MemoryOps *ops = ops_of(file);
	struct fuse_file_info info = {.fh = file->slot, .noflush = 1};
	int backing;

	file->fd = open_backing(file);
	if (file->fd < 0 && !(file->fd == -ENODEV && ops->copy)) {
		reply_refusal(req, file->inode, file->fd, "open");
		file_unref(file);
		return;
	}
	backing = pass_through(req, file);
	if (backing < 0) {
		reply_refusal(req, file->inode, backing, "open");
		memory_release(file);
		return;
	}
	/* mmap(2) needs a descriptor that is open for reading. */
	if (!backing && handle_reads(&file->handle))
		explain_no_mapping(req, file->inode);
	info.backing_id = backing;
	info.direct_io = !backing || (ops->bounded && handle_writes(&file->handle));
	if (fuse_reply_open(req, &info) == -ENOENT)
		memory_release(file); /* the caller was interrupted, and there will be no RELEASE */
}

void memory_release(File *file)
{
	OpenMemory *entry;
	int backing = 0;

	g_mutex_lock(&lock);
	entry = g_hash_table_lookup(opened, file->inode);
	g_ptr_array_remove_fast(entry->files, file);
	if (entry->files->len == 0) {
		backing = entry->backing;
		g_hash_table_remove(opened, file->inode);
	}
	g_mutex_unlock(&lock);
	if (backing)
		backing_close(backing);
	file_unref(file);
}

/* -- Reads and writes that come to the daemon ----------------------------------------------------------------------- */

void memory_read(fuse_req_t req, File *file, size_t size, off_t offset)
{
	char *buf = reply_buffer(size);
	ssize_t n;

	refusal_forget();
	if (file->fd >= 0) {
		n = pread(file->fd, buf, size, offset);
		n = n < 0 ? -errno : n;
	} else {
		n = ops_of(file)->copy(&file->handle.object, READING, buf, size, offset);
	}
	if (n < 0)
		reply_refusal(req, file->inode, (int)n, "read");
	else
		fuse_reply_buf(req, buf, (size_t)n);
}

static ssize_t write_within_bounds(File *file, const char *buf, size_t size, off_t offset)
{
	const MemoryOps *ops = ops_of(file);
	struct stat st;
	ssize_t n;

	if (file->fd < 0)
		return ops->copy(&file->handle.object, WRITING, (char *)buf, size, offset);
	if (ops->bounded) {
		if (fstat(file->fd, &st) < 0)
			return -errno;
		size = offset < st.st_size ? MIN(size, (size_t)(st.st_size - offset)) : 0;
	}
	n = size ? pwrite(file->fd, buf, size, offset) : 0;
	return n < 0 ? -errno : n;
}

void memory_write(fuse_req_t req, File *file, const char *buf, size_t size, off_t offset)
{
	ssize_t n;

	refusal_forget();
	n = write_within_bounds(file, buf, size, offset);
	if (n == 0 && size > 0)
		n = refuse(ENOSPC,
			   "write is past the end of the memory: enlarge it with truncate(1), or write to `size`");
	if (n < 0)
		reply_refusal(req, file->inode, (int)n, "write");
	else
		fuse_reply_write(req, (size_t)n);
}

/* -- Attributes ----------------------------------------------------------------------------------------------------- */

/* The attributes of an open file of this inode. */
static int stat_open_file(Inode *inode, struct stat *out)
{
	const Dirent dirent = {.desc = inode->desc, .members = inode->members, .object = inode_object(inode)};
	File *file = open_file_of(inode);
	struct stat st;
	int result = -ENOENT;

	if (!file)
		return -ENOENT;
	if (file->fd >= 0)
		result = fstat(file->fd, &st) < 0 ? -errno : 0;
	file_unref(file);
	if (result == 0) {
		const ObjectStat stat = {
			.uid = st.st_uid,
			.gid = st.st_gid,
			.mode = st.st_mode & 0666,
			.size = st.st_size,
			.atime = st.st_atim.tv_sec,
			.mtime = st.st_mtim.tv_sec,
			.ctime = st.st_ctim.tv_sec,
		};

		dirent_fill_stat(&dirent, &stat, out);
	}
	return result;
}

int memory_stat(Inode *inode, struct stat *out)
{
	int result = inode_stat(inode, out);

	return result < 0 ? stat_open_file(inode, out) : result;
}

typedef struct Resizing {
	fuse_req_t req;
	Inode *inode; /* held */
	File *file;   /* held; NULL: by path */
	Caller caller;
	gid_t *groups; /* the caller's; owned */
	off_t size;
} Resizing;

/* A file that may be mapped cannot move on to the memory of another object. */
static int refuse_resize_of_mapped(const Resizing *job)
{
	struct stat st;

	if (job->file->fd >= 0 && fstat(job->file->fd, &st) == 0 && st.st_size == job->size)
		return 0;
	return refuse(
		EBUSY,
		"resizing recreates the object, and this descriptor, open for reading too, would keep the old one: use "
		"truncate(1), or write to `size`; with dd, conv=notrunc");
}

/* Moves a file that only writes on to the recreated object. */
static int open_again(File *file)
{
	int fd = open_backing(file), result;
	OpenMemory *entry;

	if (fd < 0)
		return fd;
	result = dup3(fd, file->fd, O_CLOEXEC) < 0 ? -errno : 0;
	close(fd);
	g_mutex_lock(&lock);
	entry = g_hash_table_lookup(opened, file->inode);
	if (entry) /* the file may have been closed meanwhile */
		entry->stale = true;
	g_mutex_unlock(&lock);
	return result;
}

static int resize_memory(const Resizing *job)
{
	const MemoryOps *ops = job->inode->desc->memory;
	const Object object = job->file ? job->file->handle.object : inode_object(job->inode);
	int result;

	if (job->file && ops->bounded && handle_reads(&job->file->handle))
		return refuse_resize_of_mapped(job);
	result = creds_override(&job->caller);
	if (result < 0)
		return result;
	result = ops->resize(&object, job->file ? job->file->fd : -1, job->size);
	creds_revert();
	if (result == 0 && job->file && ops->bounded && job->file->fd >= 0)
		result = open_again(job->file);
	return result;
}

static void resize_and_reply(void *data)
{
	Resizing *job = data;
	struct stat attributes;
	int result;

	refusal_forget();
	result = resize_memory(job);
	if (result == 0)
		result = memory_stat(job->inode, &attributes);
	if (result < 0)
		reply_refusal(job->req, job->inode, result, "truncate");
	else
		fuse_reply_attr(job->req, &attributes, lookup_attributes_timeout(job->inode->members));
	if (job->file)
		file_unref(job->file);
	inode_unref(job->inode);
	g_free(job->groups);
	g_free(job);
}

bool memory_resize(fuse_req_t req, Inode *inode, off_t size, struct fuse_file_info *fi)
{
	File *open = NULL;
	Resizing *job;

	if (!fi && size == 0 && (open = open_file_of(inode))) {
		file_unref(open);
		return false;
	}
	job = g_new(Resizing, 1);
	*job = (Resizing){.req = req, .inode = inode, .caller = caller_of(req), .size = size};
	job->groups = caller_groups(req, &job->caller);
	if (fi)
		job->file = file_ref(file_get(fi->fh));
	inode_ref(inode);
	/* On a worker: it may have to copy or free many pages. */
	if (worker_run(resize_and_reply, job) < 0)
		resize_and_reply(job);
	return true;
}
