/*
 * nothing MOUNTPOINT: a file system with one file, `data`. It replies to each read and write at once and does nothing
 * else, so that the benchmarks can measure the cost of FUSE itself. As ipcfs, it has one thread, and opens the file
 * with the flags that ipcfs uses for streams.
 */
#include <errno.h>
#include <string.h>

#include "fs/fuse.h"

enum { DATA = 2, MESSAGE = 64 };

static void fill(fuse_ino_t ino, struct stat *out)
{
	*out = (struct stat){
		.st_ino = ino,
		.st_nlink = 1,
		.st_mode = ino == DATA ? S_IFREG | 0666 : S_IFDIR | 0755,
		.st_blksize = 1 << 20,
	};
}

static void on_init(void *data, struct fuse_conn_info *conn)
{
	(void)data;
	conn->max_write = 1 << 20;
	fuse_unset_feature_flag(conn, FUSE_CAP_ATOMIC_O_TRUNC);
	fuse_unset_feature_flag(conn, FUSE_CAP_SPLICE_READ);
	fuse_unset_feature_flag(conn, FUSE_CAP_SPLICE_WRITE);
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = {.ino = DATA};

	(void)parent;
	if (strcmp(name, "data") != 0) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	fill(DATA, &entry.attr);
	fuse_reply_entry(req, &entry);
}

static void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	(void)fi;
	fill(ino, &st);
	fuse_reply_attr(req, &st, 0);
}

static void on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	const struct fuse_open_out out = {
		.open_flags = FOPEN_DIRECT_IO | FOPEN_STREAM | FOPEN_NOFLUSH | FOPEN_PARALLEL_DIRECT_WRITES,
	};

	(void)ino, (void)fi;
	fuse_reply_buf(req, (const char *)&out, sizeof out);
}

static void on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	static const char message[MESSAGE];

	(void)ino, (void)offset, (void)fi;
	fuse_reply_buf(req, message, size < MESSAGE ? size : MESSAGE);
}

static void on_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t offset,
		     struct fuse_file_info *fi)
{
	(void)ino, (void)buf, (void)offset, (void)fi;
	fuse_reply_write(req, size);
}

static const struct fuse_lowlevel_ops operations = {
	.init = on_init,
	.lookup = on_lookup,
	.getattr = on_getattr,
	.open = on_open,
	.read = on_read,
	.write = on_write,
};

int main(int argc, char **argv)
{
	char *fuse_argv[] = {argv[0], "-o", "fsname=nothing,default_permissions,allow_other", NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, fuse_argv);
	struct fuse_session *session = fuse_session_new(&args, &operations, sizeof operations, NULL);
	int result;

	if (argc != 2 || !session || fuse_session_mount(session, argv[1]))
		return 1;
	result = fuse_session_loop(session);
	fuse_session_unmount(session);
	fuse_session_destroy(session);
	fuse_opt_free_args(&args);
	return result ? 1 : 0;
}
