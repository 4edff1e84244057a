/*
 * The members of the directory posix/mq: listing, look-up, creation, removal, owner and mode.
 *
 * Called by fs/ with the caller's credentials on the thread. Creation runs on a worker thread. No function holds a lock.
 */
#include "backends/posix/mq_members.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/common/registry.h"
#include "backends/core/refusal.h"
#include "backends/posix/mq_create.h"
#include "backends/posix/mq_open.h"

/*
 * All times are that of the last message. The kernel's other times change with each read of the report, too.
 */
static void fill_stat(const struct stat *stat, uint64_t qsize, ObjectStat *out)
{
	*out = (ObjectStat){
		.uid = stat->st_uid,
		.gid = stat->st_gid,
		.mode = stat->st_mode & 0666,
		.size = (off_t)qsize,
		.atime = stat->st_mtime,
		.mtime = stat->st_mtime,
		.ctime = stat->st_mtime,
	};
}

/* The bytes queued; 0 if this thread may not read the queue. */
static uint64_t qsize_of(const Object *object)
{
	int mqd = posix_mq_open(object, O_RDONLY);
	PosixMqReport report = {0};

	if (mqd >= 0) {
		posix_mq_report(mqd, &report);
		close(mqd);
	}
	return report.qsize;
}

/* A queue without a name exists as long as a stream has it open. */
static int mq_stat(const void *context, const Object *object, ObjectStat *out)
{
	PosixMqReport report = {0};
	struct stat stat;
	int result = posix_mq_stat(object, &stat);

	if (result == 0)
		report.qsize = qsize_of(object);
	else if (result == -ENOENT)
		result = posix_mq_stat_open(posix_mq_inode(object), &stat, &report);
	if (result == 0)
		fill_stat(&stat, report.qsize, out);
	return result;
}

typedef struct Listing {
	MemberSeen seen;
	void *data;
} Listing;

/* Called for each file of the folder, whose size and times are not those of the queue. */
static void show_queue(void *data, const Object *object, const ObjectStat *unused)
{
	const Listing *listing = data;
	Object current = *object;
	ObjectStat stat;

	if (posix_mq_is_renumbered(current.id) && posix_mq_find(object->name, &current) < 0)
		return;
	if (mq_stat(NULL, &current, &stat) == 0)
		listing->seen(listing->data, &current, &stat);
}

static int mq_list(const void *context, const Object *directory, MemberSeen seen, void *data)
{
	Listing listing = {.seen = seen, .data = data};

	if (posix_mq_directory() < 0)
		return refuse(EPERM, "a non-root daemon lists queues only if the mqueue file system is mounted on "
				     "/dev/mqueue: mount it, or open queues by name");
	return folder_list(&posix_mq_folder, NULL, show_queue, &listing);
}

static int mq_lookup(const void *context, const Object *directory, const char *name, Object *out)
{
	return posix_mq_find(name, out);
}

static int mq_create(const void *context, const Object *directory, const char *name, mode_t mode, Object *out)
{
	int result = folder_check_name(&posix_mq_folder, name);

	return result < 0 ? result : posix_mq_create(name, mode, out);
}

static int mq_permit(const void *context, const Object *object, const Caller *caller, int rights)
{
	struct stat stat;
	int result = posix_mq_stat(object, &stat);

	return result < 0 ? result : registry_check_mode(stat.st_uid, stat.st_gid, stat.st_mode, caller, rights);
}

/* A queue that is being replaced can be looked at, but not changed. Turns -ENOENT for such a queue into -EBUSY. */
static int refuse_replaced(const Object *object, int result)
{
	int mqd = result == -ENOENT ? posix_mq_replaced(NULL, posix_mq_inode(object)) : -ENOENT;

	if (mqd < 0)
		return result;
	close(mqd);
	return refuse(EBUSY, "the queue is being resized: retry");
}

/* For a daemon without the directory: a change takes a right to open the queue. */
static int set_by_name(const Object *object, const ObjectChange *change)
{
	int mqd = posix_mq_open_any(object->name), result = 0;
	struct stat stat;

	if (mqd < 0)
		return mqd;
	if (fstat(mqd, &stat) < 0 || (int64_t)stat.st_ino != object->id)
		result = -ENOENT;
	else if ((change->set_uid || change->set_gid) &&
		 fchown(mqd, change->set_uid ? change->uid : (uid_t)-1, change->set_gid ? change->gid : (gid_t)-1))
		result = -errno;
	else if (change->set_mode && fchmod(mqd, change->mode))
		result = -errno;
	close(mqd);
	return result;
}

static int mq_set(const void *context, const Object *object, const ObjectChange *change)
{
	const Object current = posix_mq_current(object);

	return refuse_replaced(object, posix_mq_directory() >= 0 ? folder_set(&posix_mq_folder, &current, change) :
								   set_by_name(&current, change));
}

/* A stream that has the queue open keeps it: a reader gets the remaining messages and then end of file, a writer EIDRM. */
static int mq_remove(const void *context, const Object *object)
{
	const Object current = posix_mq_current(object);
	struct stat stat;
	int result = posix_mq_stat(&current, &stat);

	if (result == 0 && syscall(SYS_mq_unlink, current.name))
		result = -errno;
	if (result == -EPERM || result == -EACCES)
		return refuse(-result, "only the owner of the queue or root can remove it");
	if (result == 0)
		posix_mq_wake(current.id);
	return refuse_replaced(object, result);
}

const DirOps posix_mq_members = {
	.list = mq_list,
	.lookup = mq_lookup,
	.create = mq_create,
	.remove = mq_remove,
	.stat = mq_stat,
	.set = mq_set,
	.permit = mq_permit,
	.slow_create = true,
};
