/*
 * The interface between fs/ and the mechanisms. fs/ includes no mechanism, and no mechanism includes FUSE.
 *
 * A mechanism describes itself with const tables, and fs/ calls the functions in them. A FileDesc describes one name in the
 * tree: a directory, or one of three kinds of file:
 *
 *	text	an attribute or a report: show() prints all of it, store() receives all of it
 *	stream	messages, bytes or operations: read() and write(), which can have to wait
 *	memory	pages: backing() returns a descriptor that can be mapped
 *
 * The names in a directory are fixed (FileDesc.files), or members (objects that are found, made and removed at run time), or
 * both. Functions for requests return 0 or a count, or a negative errno.
 *
 * Locks: fs/ calls every function without a lock held. Several threads can call the same function at a time; the exceptions are
 * stated at StreamOps.
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

/* The process that made a request, with its effective ids as the kernel passes them. */
typedef struct Caller {
	uid_t uid;
	gid_t gid;
	pid_t pid;           /* the id of the calling thread; 0: it is in a pid namespace that the daemon cannot see */
	const gid_t *groups; /* supplementary groups, ngroups of them; owned by the code that made the Caller */
	int ngroups;
} Caller;

/*
 * The object that a name in the tree refers to, as plain data from which a mechanism can find the kernel's object again. It has
 * no pointers, so that it could outlive the process (docs/architecture.md, "Surviving a crash").
 */
typedef struct Object {
	int64_t id;              /* the kernel's id of the object, where the mechanism has one */
	int64_t part;            /* a part of the object: a message type, an offset, the number of a semaphore */
	int32_t select;          /* the meaning of `part`, which the mechanism defines; 0: the whole object */
	char name[NAME_MAX + 1]; /* the name by which the object was found */
} Object;

/* The attributes of an object. `mode` has read and write bits only; fs/ adds x for directories. Times are in seconds. */
typedef struct ObjectStat {
	uid_t uid;
	gid_t gid;
	mode_t mode; /* of a SPECIAL node: the type, S_IFIFO or S_IFSOCK, and all permission bits */
	off_t size;  /* bytes that the object holds */
	time_t atime, mtime, ctime;
} ObjectStat;

/* A change by chmod(2) or chown(2). A field is valid if its flag is set. */
typedef struct ObjectChange {
	bool set_mode, set_uid, set_gid;
	mode_t mode; /* permission bits; for a directory only those of reading and writing */
	uid_t uid;
	gid_t gid;
} ObjectChange;

/* The rights that permit() checks. The first two can be combined. */
enum { RIGHT_READ = 4, RIGHT_WRITE = 2, RIGHT_OWN = 8 /* to change or remove it */ };

/* Reports one member of a directory to the code that lists it. `stat` may be NULL. */
typedef void (*MemberSeen)(void *data, const Object *object, const ObjectStat *stat);

/*
 * The members of a directory. A function that is NULL has a default: list reports no member, lookup fails with ENOENT, create,
 * node, remove, rename and set fail with EPERM, and stat and permit are those of the nearest parent directory that has them.
 *
 * `context` is DirOps.context. `directory` is the object whose directory has the members; for the directory of a
 * mechanism it is zero except for `select`, which is FileDesc.which of the directory. create, node, remove, rename and
 * set run with the caller's effective ids and groups, so that the kernel checks permissions and sets the owner.
 */
typedef struct DirOps {
	const void *context; /* for functions that several directories share */
	/* Runs on a worker thread, and can take long. */
	int (*list)(const void *context, const Object *directory, MemberSeen seen, void *data);
	int (*lookup)(const void *context, const Object *directory, const char *name, Object *out);
	/* mkdir(2) */
	int (*create)(const void *context, const Object *directory, const char *name, mode_t mode, Object *out);
	/* mknod(2): `mode` has the type. */
	int (*node)(const void *context, const Object *directory, const char *name, mode_t mode, Object *out);
	int (*remove)(const void *context, const Object *object);
	int (*rename)(const void *context, const Object *object, const char *name);
	int (*stat)(const void *context, const Object *object, ObjectStat *out);
	int (*set)(const void *context, const Object *object, const ObjectChange *change);
	/* Returns 0, -EACCES or -EPERM. */
	int (*permit)(const void *context, const Object *object, const Caller *caller, int rights);
	/* Describes a member, if not all members are alike. NULL: FileDesc.member describes all of them. */
	const FileDesc *(*desc)(const void *context, const Object *object);
	bool slow_create; /* create and node can take long: they run on a worker thread */
	bool slow;    /* lookup can take long: it runs on a worker thread. The directory has no remove and no rename */
	bool private; /* list and lookup have the caller's ids too, because not every caller may see every member */
	bool lasting; /* a name always refers to the same object, which can end: the kernel may cache it for a second */
} DirOps;

/* A text file. show prints the whole content. store receives the whole content without the last newline. */
typedef struct TextOps {
	int (*show)(const FileDesc *desc, const Object *object, const Caller *caller, GString *out);
	/* Runs with the ids of the caller that opened the file. */
	int (*store)(const FileDesc *desc, const Object *object, const char *text);
	bool slow; /* show and store can take long: they run on a worker thread */
} TextOps;

/* Whether a stream function may sleep. */
typedef enum BlockMode {
	NONBLOCK,   /* never sleeps; -EAGAIN: it cannot be done now */
	BLOCK,      /* on a worker thread: sleeps until it is done; -EINTR: a signal came first */
	BLOCK_ON_FS /* on a worker thread: sleeps for a file system only; -EAGAIN: another process has to act first */
} BlockMode;

/* The event that a request waits for. HANGUP: a poll that asks for no other event than POLLHUP and POLLERR. */
typedef enum Direction { READING, WRITING, HANGUP, OPENING } Direction;

/*
 * How fs/ waits for a request whose stream function returned -EAGAIN.
 *
 * WAIT_FD	fs/ watches a descriptor and then tries again. With fd -1 only host_wake() wakes the request. fs/ watches a
 *		duplicate of the descriptor, so a mechanism calls host_wake() before it closes a descriptor that requests may
 *		wait for.
 * WAIT_READY	fs/ calls ready() on a worker thread. It sleeps until a try can succeed, and returns 0 or a negative errno that
 *		the try would return too; -EINTR: a signal came. fs/ calls over(), if not NULL, when no request waits any more.
 * WAIT_CALL	fs/ calls the stream function itself with BLOCK on a worker thread. `visits`: the function calls file systems,
 *		which can take long even for O_NONBLOCK (BLOCK_ON_FS), and which may not react to a signal. fs/ then
 *		answers an interrupted request at once, and discards the result of the call.
 *
 * Requests with the same `how` and key wait together, in order, on one descriptor or one thread. For WAIT_READY and WAIT_CALL
 * they also have the same ready() or the same StreamOps. For WAIT_FD the keys of all mechanisms must differ, so such a key
 * contains the id of an Entry or the address of a Handle. After each try that returns -EAGAIN fs/ calls wait() again, because
 * the request may have to wait for another event by then.
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
 * A stream. read and write return the number of bytes that they moved: any part of a write, but only whole messages; or -EAGAIN
 * if none can be moved now. fs/ calls at most one read and one write of a handle at a time, so the state of a handle needs no
 * lock between two reads or two writes.
 *
 * whole_writes: a write is one message and leaves nothing in the handle. fs/ calls any number of writes at a time. If the kernel
 * has divided a write, fs/ refuses the later pieces, which are not messages.
 *
 * part_signals: if a write fails with -EPIPE after it has moved some bytes, the caller gets SIGPIPE too, as for pipes. If it has
 * moved none, the caller gets SIGPIPE in any case.
 *
 * bytes: a stream without messages, of which a program may read any part at a time.
 */
typedef struct StreamOps {
	int (*open)(Handle *handle, BlockMode block);
	ssize_t (*read)(Handle *handle, char *buf, size_t size, BlockMode block);
	ssize_t (*write)(Handle *handle, const char *buf, size_t size, BlockMode block);
	int (*poll)(Handle *handle); /* the events that hold now: POLLIN, POLLOUT, ...; NULL: always ready */
	void (*wait)(Handle *handle, Direction direction, size_t size, Wait *out); /* NULL: no request waits */
	/*
	 * For streams with both ends in the tree: the key of the requests that wait with WAIT_FD at the other end. fs/ lets
	 * them try again after each read or write, so they need no descriptor (fd -1); a read with room left then continues.
	 * See also the direct transfer in host.h.
	 */
	void (*other_end)(Handle *handle, int64_t key[4]);
	int (*finish)(Handle *handle, BlockMode block); /* at the last close: sends the bytes that are left */
	void (*close)(Handle *handle);
	void (*cancel)(Handle *handle); /* called instead of close if the open failed, or was given up while it waited */
	/*
	 * A read or write ends early with `error`: its caller does not wait (-EAGAIN), was interrupted (-EINTR), or cannot wait
	 * (-ENOMEM). The function undoes the begun operation, or lets it go on in the background. It returns the result for the
	 * caller if no byte was moved so far. Not called for whole_writes.
	 */
	int (*give_up)(Handle *handle, Direction direction, int error);
	bool whole_writes, part_signals, bytes;
} StreamOps;

/*
 * Memory. All functions run with the caller's effective ids and groups. `flags` are those of open(2); only O_ACCMODE and O_APPEND
 * matter.
 *
 * backing	Returns a descriptor of the object's pages, which fs/ closes. -ENODEV: no descriptor is available; fs/ then uses
 *		copy(), if it is not NULL.
 * resize	Changes the size. `fd` is the descriptor of an open file that was opened for writing; -1: none. The mechanism
 *		may recreate the object for that, so fs/ opens bounded memory again afterwards.
 * copy		Reads or writes at an offset. Returns the number of bytes; 0: the offset is past the end.
 */
typedef struct MemoryOps {
	int (*backing)(const Object *object, int flags);
	int (*resize)(const Object *object, int fd, off_t size);
	ssize_t (*copy)(const Object *object, Direction direction, char *bytes, size_t size, off_t offset);
	bool bounded; /* no write may move the end of the object, which the kernel does not know */
} MemoryOps;

/*
 * SPECIAL: a FIFO or socket, whose data the kernel itself handles; fs/ gets requests for its attributes only.
 * LINK: a symbolic link; text->show prints its target.
 */
typedef enum Kind { DIRECTORY = 1, TEXT, STREAM, MEMORY, SPECIAL, LINK } Kind;

struct FileDesc {
	const char *name; /* NULL: describes the members of a directory */
	Kind kind;
	/*
	 * File: 0444, 0222 or 0666, from which the bits that the object's mode lacks are removed; 0644: reading depends on the
	 * object's mode, and only the owner writes. Directory outside objects: its mode. Directory of an object: the bits of the
	 * object's mode that it shows, 0 for all.
	 */
	mode_t mode;
	const FileDesc *files;             /* DIRECTORY: fixed names; the last one has kind 0 */
	const FileDesc *const *mechanisms; /* DIRECTORY: more fixed names, described elsewhere; the last one is NULL */
	const DirOps *members;             /* DIRECTORY: the other names */
	const FileDesc *member;            /* DIRECTORY: the description of each member */
	const TextOps *text;
	const StreamOps *stream;
	bool as_opener; /* STREAM: needs the opener's groups later: handle->caller has them */
	const MemoryOps *memory;
	const void *mechanism; /* for functions that several mechanisms share (common/queue.h, common/attributes.h) */
	int which;             /* distinguishes files that share functions */
};

/*
 * An open stream file: the mechanism's part of a File of fs/. fs/ owns it from open to the last close and fills the upper part.
 * The lower part belongs to the mechanism, and is zero at first.
 */
struct Handle {
	const FileDesc *desc;
	Object object;
	int flags; /* of open(2) */
	Caller caller;

	Buffer rest;      /* the unread part of a message */
	Buffer unsent;    /* an unfinished message */
	int64_t state[6]; /* defined by the mechanism */
};

static inline bool handle_reads(const Handle *handle)
{
	return (handle->flags & O_ACCMODE) != O_WRONLY;
}

static inline bool handle_writes(const Handle *handle)
{
	return (handle->flags & O_ACCMODE) != O_RDONLY;
}
