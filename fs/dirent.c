/* Dirents and their attributes (dirent.h, with callers and locks). */
#include "fs/dirent.h"

#include <time.h>
#include <unistd.h>

#include "backends/core/host.h"
#include "fs/fuse.h"

enum {
	OTHER_BLOCK = 4096,
	/*
	 * st_blksize of streams. stdio writes that many bytes at a time, and most readers ask for as many. It is above
	 * the largest message that one FUSE write carries, so a message stays in one piece.
	 */
	STREAM_BLOCK = 1 << 20,
	/* The same for streams without messages. A read costs by the pages that it asks for, however few bytes there are. */
	BYTES_BLOCK = 1 << 16,
	/* The size limit of a text, which is stored one write at a time (text.c). */
	TEXT_BLOCK = 65536,
};

/* Set once, by dirent_start(). */
static const FileDesc *root;
static time_t started;   /* the times of everything outside objects, whose owner … */
static uid_t daemon_uid; /* … is the user of the daemon */
static gid_t daemon_gid;

/* One number for one object, by whatever name or inode it is reached: ls -i shows it, and find(1) relies on it. */
static ino_t dirent_number(const Dirent *dirent)
{
	uint64_t hash = (uintptr_t)dirent->desc / sizeof(void *);

	hash = hash * 0x9e3779b97f4a7c15ULL + (uint64_t)dirent->object.id;
	hash = hash * 0x9e3779b97f4a7c15ULL + (uint64_t)dirent->object.part;
	hash = hash * 0x9e3779b97f4a7c15ULL + (uint64_t)dirent->object.select;
	/* The name does not count for special files and memory. /proc/PID/maps shows the number of memory. */
	if (dirent->desc->kind != SPECIAL && dirent->desc->kind != MEMORY)
		hash = hash * 0x9e3779b97f4a7c15ULL + g_str_hash(dirent->object.name);
	hash ^= hash >> 29;
	return dirent->desc == root ? FUSE_ROOT_ID : hash | 2;
}

/* host_inode() of this process. */
static uint64_t number_of(const FileDesc *desc, const Object *object)
{
	const Dirent dirent = {.desc = desc, .object = *object};

	return dirent_number(&dirent);
}

void dirent_start(const FileDesc *tree)
{
	root = tree;
	started = time(NULL);
	daemon_uid = geteuid();
	daemon_gid = getegid();
	host_register(&(HostOps){.inode = number_of});
}

static mode_t file_mode(const FileDesc *desc, mode_t object)
{
	mode_t mode = desc->mode & 0444 & object;

	return desc->mode == 0644 ? mode | 0200 : mode | (desc->mode & 0222 & object);
}

static mode_t directory_mode(const FileDesc *desc, mode_t object)
{
	mode_t mode = desc->mode ? desc->mode & object : object;

	return mode | ((mode & 0444) >> 2) | ((mode & 0222) >> 1);
}

static mode_t type_of(const FileDesc *desc)
{
	return desc->kind == DIRECTORY ? S_IFDIR : desc->kind == LINK ? S_IFLNK : S_IFREG;
}

static blksize_t block_of(const FileDesc *desc)
{
	if (desc->kind == STREAM)
		return desc->stream->bytes ? BYTES_BLOCK : STREAM_BLOCK;
	return desc->kind == TEXT ? TEXT_BLOCK : OTHER_BLOCK;
}

void dirent_fill_stat(const Dirent *dirent, const ObjectStat *stat, struct stat *out)
{
	const FileDesc *desc = dirent->desc;
	const bool directory = desc->kind == DIRECTORY, memory = desc->kind == MEMORY;

	*out = (struct stat){
		.st_ino = dirent_number(dirent),
		.st_nlink = directory ? 2 : 1,
		.st_mode = type_of(desc) | desc->mode,
		.st_uid = daemon_uid,
		.st_gid = daemon_gid,
		.st_blksize = block_of(desc),
		.st_atim.tv_sec = started,
		.st_mtim.tv_sec = started,
		.st_ctim.tv_sec = started,
	};
	if (!stat)
		return;
	if (directory)
		out->st_mode = S_IFDIR | directory_mode(desc, stat->mode);
	else if (desc->kind == SPECIAL)
		out->st_mode = stat->mode;
	else if (desc->kind != LINK)
		out->st_mode = S_IFREG | file_mode(desc, stat->mode);
	out->st_uid = stat->uid;
	out->st_gid = stat->gid;
	out->st_size = directory || memory ? stat->size : 0;
	/* cp(1) takes a file with fewer blocks than bytes for one with holes. */
	out->st_blocks = memory ? (stat->size + 511) / 512 : 0;
	out->st_atim.tv_sec = stat->atime;
	out->st_mtim.tv_sec = stat->mtime;
	out->st_ctim.tv_sec = stat->ctime;
}
