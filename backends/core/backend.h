/*
 * backend.h: what a mechanism is to the file system.
 *
 * A mechanism describes itself by const tables. A FileDesc is one name in the tree: a directory, or one of three kinds of file:
 *
 *	text	an attribute or a report: show() prints it whole, store() takes it whole
 *	stream	messages, bytes, operations: read() and write() that may have to wait
 *	memory	pages: backing() gives a descriptor to map
 *
 * A directory's names are fixed rows, members (objects found, made and removed at run time), or both. Nothing here knows
 * FUSE; fs/ knows no mechanism. Request paths return 0 or a count, or a negative errno.
 */
#pragma once

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <glib.h>

#include "backends/core/buffer.h"

typedef struct FileDesc FileDesc;
typedef struct Handle Handle;

/* Who asks. Effective ids, as the kernel gives them with a request. */
typedef struct Caller {
	uid_t uid;
	gid_t gid;
	pid_t pid;           /* a thread's id; 0 when it lives in a pid namespace that is not ours */
	const gid_t *groups; /* supplementary groups, ngroups of them; owned by whoever made the Caller */
	int ngroups;
} Caller;

/*
 * What a name in the tree stands for, as plain data: enough to find the kernel's object again. No pointers, so that it
 * can outlive the process (docs/architecture.md, "Surviving a crash").
 */
typedef struct Object {
	int64_t id;              /* the kernel's id of the object, where the mechanism has one */
	int64_t part;            /* which part of it: a message type, an offset, a semaphore's number */
	int32_t select;          /* how `part` is meant, in the mechanism's own terms; 0: the whole object */
	char name[NAME_MAX + 1]; /* the name it was found by */
} Object;

/* Owner, mode (read and write bits only: fs/ adds x to directories), bytes held and times (seconds) of an object. */
typedef struct ObjectStat {
	uid_t uid;
	gid_t gid;
	mode_t mode; /* of a SPECIAL node: with its type, S_IFIFO or S_IFSOCK, and all permission bits */
	off_t size;
	time_t atime, mtime, ctime;
} ObjectStat;

/* What chmod and chown ask for; a field counts where its flag is set. */
typedef struct ObjectChange {
	bool set_mode, set_uid, set_gid;
	mode_t mode; /* permission bits; those of a directory are read and write only */
	uid_t uid;
	gid_t gid;
} ObjectChange;

/* Rights that permit() is asked for; the first two may be combined. */
enum { RIGHT_READ = 4, RIGHT_WRITE = 2, RIGHT_OWN = 8 /* to change or remove it */ };

/* Gives one member of a directory to whoever lists it; `stat` may be NULL. */
typedef void (*MemberSeen)(void *data, const Object *object, const ObjectStat *stat);

/*
 * The members of a directory: objects that come and go. Absent functions have a default: list shows nothing, lookup finds
 * nothing (ENOENT), create, remove, rename and set are refused (EPERM), stat and permit are those of the nearest
 * directory above that has them.
 *
 * `at` is the object whose directory holds the members (the mechanism's own directory: all zero but for `select`, which is
 * the directory's `which`). create, node, remove, rename and set run with the caller's effective ids and groups, so that the
 * kernel itself gives the verdict and the owner.
 */
typedef struct DirOps {
	const void
		*context; /* the first argument of all functions: what shared functions need to know of the directory */
	int (*list)(const void *context, const Object *at, MemberSeen seen,
		    void *data); /* on a worker: may take long */
	int (*lookup)(const void *context, const Object *at, const char *name, Object *out);
	int (*create)(const void *context, const Object *at, const char *name, mode_t mode, Object *out); /* mkdir */
	int (*node)(const void *context, const Object *at, const char *name, mode_t mode,
		    Object *out); /* mknod: `mode` has the type */
	int (*remove)(const void *context, const Object *object);
	int (*rename)(const void *context, const Object *object, const char *name);
	int (*stat)(const void *context, const Object *object, ObjectStat *out);
	int (*set)(const void *context, const Object *object, const ObjectChange *change);
	int (*permit)(const void *context, const Object *object, const Caller *caller,
		      int rights); /* 0 or -EACCES, -EPERM */
	const FileDesc *(*desc)(
		const void *context,
		const Object *object); /* what a member is, where not all are alike; absent: FileDesc.member */
	bool slow_create;              /* create and node take long: on a worker */
	bool slow; /* lookup may take long: it runs on a worker, and not before a remove or rename (there are none) */
	bool private; /* list and lookup run as the caller too: not everybody may see every member */
	bool lasting; /* what a name stands for never changes (it may end): the kernel may remember it for a second */
} DirOps;

/* A text file. show prints the whole of it; store takes the whole of it, the last newline dropped. */
typedef struct TextOps {
	int (*show)(const FileDesc *desc, const Object *object, const Caller *caller, GString *out);
	int (*store)(const FileDesc *desc, const Object *object,
		     const char *text); /* runs as the caller that opened the file */
	bool slow;                      /* show or store takes long: give them a worker */
} TextOps;

/* How long a stream function may take. */
typedef enum BlockMode {
	NONBLOCK, /* never sleeps: -EAGAIN means "not now" */
	BLOCK,    /* on a waiter thread: sleeps until done; -EINTR when a signal came first */
	BLOCK_ON_FS /* the same, but only as long as a file system takes: -EAGAIN where somebody else is to be waited for */
} BlockMode;

/* What is waited for; HANGUP: by somebody who polls only for what needs no asking, POLLHUP and POLLERR. */
typedef enum Direction { READING, WRITING, HANGUP, OPENING } Direction;

/*
 * How a request that was answered -EAGAIN will be woken.
 *
 * WAIT_FD	watch a descriptor (or none, fd -1: only host_wake() wakes), then try again. Before a descriptor is closed
 *		for which requests may wait, host_wake() is called: they still watch a duplicate of it
 * WAIT_READY	on a waiter thread, call ready(): it sleeps until a try is worth it (0, or a negative errno that the try
 *		will meet as well); -EINTR: a signal came. over() is called, if set, when nobody waits any more.
 * WAIT_CALL	on a waiter thread, call the stream function itself with BLOCK. `visits`: on its way it asks file systems,
 *		which may take long, be it with O_NONBLOCK (BLOCK_ON_FS), and may never answer, not even to a signal: who is
 *		interrupted then hears so, and the call ends for nobody
 *
 * Requests with the same `how` and key wait together, in order, on one descriptor or one thread: of one ready() or one
 * StreamOps; with WAIT_FD of all mechanisms, so that such a key has the id of an Entry in it, or the address of a Handle.
 * After each try that finds "not now" a stream is asked again: it may wait for something else by then.
 */
typedef struct Wait {
	enum { WAIT_FD, WAIT_READY, WAIT_CALL } how;
	bool visits;
	int fd;
	uint32_t events; /* EPOLLIN, EPOLLOUT */
	int (*ready)(const struct Wait *wait);
	void (*over)(const struct Wait *wait);
	int64_t key[4];
} Wait;

/*
 * A stream. read and write return how much they did: any part of a write, whole messages only; or -EAGAIN when nothing
 * can be done now. One read and one write of a handle are under way at a time, so their state needs no lock.
 *
 * whole_writes: a write is one message and leaves nothing behind in the handle. Any number of them are under way at once,
 * and of a write that the kernel had to cut the later pieces are refused, not taken for messages.
 *
 * part_signals: -EPIPE behind a part of a write that went well raises SIGPIPE as well, as with pipes. (Always does a write of
 * which nothing went well.)
 *
 * bytes: a stream without messages, of which stdio programs may take any part at a time.
 */
typedef struct StreamOps {
	int (*open)(Handle *handle, BlockMode block);
	ssize_t (*read)(Handle *handle, char *buf, size_t size, BlockMode block);
	ssize_t (*write)(Handle *handle, const char *buf, size_t size, BlockMode block);
	int (*poll)(Handle *handle); /* POLLIN, POLLOUT … that hold now; absent: always ready */
	void (*wait)(Handle *handle, Direction direction, size_t size, Wait *out); /* absent: nothing ever waits */
	/*
	 * Streams with two ends here: the key of those who wait with WAIT_FD at the other end. After each read or write they are
	 * let try, so that no descriptor is needed (fd -1); a read that has room goes on then. See also handover.h.
	 */
	void (*other_end)(Handle *handle, int64_t key[4]);
	int (*finish)(Handle *handle, BlockMode block); /* at the last close: what is still to be sent */
	void (*close)(Handle *handle);
	void (*cancel)(Handle *handle); /* instead of close: of an open that was refused, or given up while it waited */
	/*
	 * A read or write under way ends before it could be done: its caller does not wait (-EAGAIN), was interrupted (-EINTR),
	 * or cannot wait (-ENOMEM). What it has begun is to be undone, or goes on by itself; returns what the caller is told
	 * instead of `error`, if nothing was done so far. Not for whole_writes.
	 */
	int (*give_up)(Handle *handle, Direction direction, int error);
	bool whole_writes, part_signals, bytes;
} StreamOps;

/*
 * Memory. All run with the caller's effective ids and groups; `flags` are those of open(2), of which O_ACCMODE and O_APPEND
 * count.
 *
 * backing	a descriptor of the object's pages, to be closed by who asked. -ENODEV: there is none to be had here; then
 *		copy() is used instead, if the mechanism has it
 * resize	gives the object another size. `fd` is an open file's descriptor that was opened for writing, -1: none.
 *		The object may be made anew for it: bounded memory is opened again afterwards
 * copy		READING or WRITING at an offset: the bytes done, 0 past the end
 */
typedef struct MemoryOps {
	int (*backing)(const Object *object, int flags);
	int (*resize)(const Object *object, int fd, off_t size);
	ssize_t (*copy)(const Object *object, Direction direction, char *bytes, size_t size, off_t offset);
	bool bounded; /* has an end that no write may move, which the kernel does not know */
} MemoryOps;

/*
 * SPECIAL: a node whose data path is the kernel's own (FIFO, socket): nothing but its attributes reaches us.
 * LINK: a symbolic link; text->show prints where to.
 */
typedef enum Kind { DIRECTORY = 1, TEXT, STREAM, MEMORY, SPECIAL, LINK } Kind;

struct FileDesc {
	const char *name; /* NULL in a row that describes members */
	Kind kind;
	/*
	 * What the file offers: 0444, 0222, 0666, of which those bits count that the object's own mode has; 0644: read as
	 * the object's mode says, written by the owner. Directories outside objects: their mode;
	 * those of objects: which bits of the object's mode they show, 0 for all.
	 */
	mode_t mode;
	const FileDesc *files;             /* DIRECTORY: its fixed names; the last one has kind 0 */
	const FileDesc *const *mechanisms; /* DIRECTORY: more of them, rows of other files; the last one is NULL */
	const DirOps *members;             /* DIRECTORY: its other names … */
	const FileDesc *member;            /* … and what each of them is */
	const TextOps *text;
	const StreamOps *stream;
	bool as_opener; /* STREAM: some of it is done as the caller who opened it: handle->caller has its groups, for that */
	const MemoryOps *memory;
	const void *mechanism; /* what shared functions need to know of the mechanism (queue.h) */
	int which;             /* tells rows that share functions apart */
};

/*
 * An open stream file. fs/ keeps it from open to the last close and fills the upper part; the lower part is the
 * mechanism's, zero at first.
 */
struct Handle {
	const FileDesc *desc;
	Object object;
	int flags; /* of open(2) */
	Caller caller;

	Buffer rest;      /* what of a message is still to be read */
	Buffer unsent;    /* an unfinished message */
	int64_t state[6]; /* numbers of the mechanism's own */
};

static inline bool handle_reads(const Handle *handle)
{
	return (handle->flags & O_ACCMODE) != O_WRONLY;
}

static inline bool handle_writes(const Handle *handle)
{
	return (handle->flags & O_ACCMODE) != O_RDONLY;
}
