/*
 * The attributes of a queue: the fields of mq_attr (mq_getattr(3)), and what a read of its file in the mqueue file system
 * tells (mq_overview(7)).
 */
#include "backends/posix/mq_attributes.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "backends/common/signal_name.h"
#include "backends/core/parse.h"
#include "backends/core/refusal.h"
#include "backends/posix/mq_fs.h"
#include "backends/posix/mq_resize.h"

enum {
	/* The kernel's bounds, also for root (HARD_MSGMAX, HARD_MSGSIZEMAX in linux/ipc_namespace.h). */
	MAXMSG_HARD = 65536,
	MSGSIZE_HARD = 16 * 1024 * 1024
};

typedef struct Snapshot {
	char name[NAME_MAX + 1];
	uid_t uid;
	gid_t gid;
	mode_t mode;
	int64_t maxmsg, msgsize, curmsgs, qsize;
	PosixMqReport report;
	time_t mtime;
} Snapshot;

static int read_snapshot(int mqd, Snapshot *snapshot)
{
	struct mq_attr attr;
	struct stat stat;
	int result;

	if (mq_getattr(mqd, &attr) < 0 || fstat(mqd, &stat) < 0)
		return -errno;
	result = posix_mq_report(mqd, &snapshot->report);
	if (result < 0)
		return result;
	snapshot->uid = stat.st_uid;
	snapshot->gid = stat.st_gid;
	snapshot->mode = stat.st_mode & 07777;
	snapshot->maxmsg = attr.mq_maxmsg;
	snapshot->msgsize = attr.mq_msgsize;
	snapshot->curmsgs = attr.mq_curmsgs;
	snapshot->qsize = (int64_t)snapshot->report.qsize;
	snapshot->mtime = stat.st_mtime;
	return 0;
}

static int snapshot_load(const Object *object, void *out)
{
	int mqd = posix_mq_open(object, O_RDONLY), result;
	Snapshot *snapshot = out;

	if (mqd < 0)
		return mqd;
	g_strlcpy(snapshot->name, object->name, sizeof snapshot->name);
	result = read_snapshot(mqd, snapshot);
	close(mqd);
	return result;
}

static void print_name(const void *value, GString *out)
{
	g_string_append_printf(out, "/%s\n", (const char *)value);
}

/* The process that mq_notify(3) has registered for the next message, and the way of the notification. */
static void print_notify(const void *value, GString *out)
{
	const PosixMqReport *report = value;
	char signal[SIGNAL_NAME_MAX];

	if (!report->registered) {
		g_string_append(out, "none\n");
		return;
	}
	g_string_append_printf(out, "pid=%d ", (int)report->pid);
	switch (report->notify) {
	case SIGEV_SIGNAL:
		signal_name(report->signo, signal);
		g_string_append_printf(out, "signal=%s\n", signal);
		break;
	case SIGEV_THREAD:
		g_string_append(out, "thread\n");
		break;
	default:
		g_string_append(out, "none\n");
	}
}

static int maxmsg_store(const Object *object, const char *text)
{
	int64_t value;

	if (!parse_number(text, 1, MAXMSG_HARD, &value))
		return refuse(EINVAL, "maxmsg is a number of messages from 1 to %d", MAXMSG_HARD);
	return posix_mq_resize(object, value, 0);
}

static int msgsize_store(const Object *object, const char *text)
{
	int64_t value;

	if (!parse_size(text, 1, MSGSIZE_HARD, &value))
		return refuse(EINVAL, "msgsize is a number of bytes from 1 to %d, such as 8192 or 8K", MSGSIZE_HARD);
	return posix_mq_resize(object, 0, value);
}

static const Attribute attributes[] = {
	{"name", NULL, print_name, offsetof(Snapshot, name)},
	{"uid", NULL, attribute_print_id, offsetof(Snapshot, uid)},
	{"gid", NULL, attribute_print_id, offsetof(Snapshot, gid)},
	{"mode", NULL, attribute_print_mode, offsetof(Snapshot, mode)},
	{"maxmsg", "messages", attribute_print_int64, offsetof(Snapshot, maxmsg), .store = maxmsg_store},
	{"msgsize", "bytes", attribute_print_int64, offsetof(Snapshot, msgsize), .store = msgsize_store},
	{"curmsgs", "messages", attribute_print_int64, offsetof(Snapshot, curmsgs)},
	{"qsize", "bytes", attribute_print_int64, offsetof(Snapshot, qsize)},
	{"notify", NULL, print_notify, offsetof(Snapshot, report)},
	{"mtime", "time", attribute_print_time, offsetof(Snapshot, mtime)},
	{0},
};

const AttributeSet posix_mq_attributes = {
	.attributes = attributes,
	.size = sizeof(Snapshot),
	.load = snapshot_load,
};
