/* The attributes of a POSIX queue: a file for each field of mq_attr (mq_getattr(3)) and what mq_overview(7) has, and status. */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "backends/core/parse.h"
#include "backends/posix/mq.h"
#include "backends/common/signal_name.h"
#include "backends/core/text.h"
#include "backends/core/refusal.h"

enum {
	/* The kernel's bounds, which not even a privilege passes (HARD_MSGMAX, HARD_MSGSIZEMAX in linux/ipc_namespace.h). */
	MAXMSG_HARD = 65536,
	MSGSIZE_HARD = 16 * 1024 * 1024
};

/* How each is called in status. */
static const char *const labels[MQ_ATTRIBUTES] = {
	[MQ_MAXMSG] = "Maxmsg", [MQ_MSGSIZE] = "Msgsize", [MQ_CURMSGS] = "Curmsgs",
	[MQ_QSIZE] = "Qsize",   [MQ_NOTIFY] = "Notify",
};

typedef struct Known {
	struct stat stat;
	struct mq_attr attr;
	PosixMqReport report;
} Known;

static int learn(const Object *object, Known *out)
{
	int mqd = posix_mq_open(object, O_RDONLY), result = 0;

	if (mqd < 0)
		return mqd;
	if (mq_getattr(mqd, &out->attr) < 0 || fstat(mqd, &out->stat) < 0)
		result = -errno;
	else
		result = posix_mq_report(mqd, &out->report);
	close(mqd);
	return result;
}

/* mq_notify(3): who is to be told of the next message, and how. */
static void print_notify(const PosixMqReport *report, GString *out)
{
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

static void print_attribute(int which, const Known *known, GString *out)
{
	switch (which) {
	case MQ_MAXMSG:
		text_number(out, known->attr.mq_maxmsg);
		break;
	case MQ_MSGSIZE:
		text_number(out, known->attr.mq_msgsize);
		break;
	case MQ_CURMSGS:
		text_number(out, known->attr.mq_curmsgs);
		break;
	case MQ_QSIZE:
		text_number(out, (long long)known->report.qsize);
		break;
	case MQ_NOTIFY:
		print_notify(&known->report, out);
		break;
	default:
		g_assert_not_reached();
	}
}

static int attribute_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	Known known;
	int result = learn(object, &known);

	if (result == 0)
		print_attribute(desc->which, &known, out);
	return result;
}

static int status_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	Known known;
	int result = learn(object, &known);

	if (result < 0)
		return result;
	g_string_append_printf(out, "Name:\t/%s\nUid:\t%u\nGid:\t%u\nMode:\t%04o\n", object->name, known.stat.st_uid,
			       known.stat.st_gid, known.stat.st_mode & 07777);
	for (int which = 0; which < MQ_ATTRIBUTES; which++) {
		text_label(out, labels[which]);
		print_attribute(which, &known, out);
	}
	text_label(out, "Mtime");
	text_time(out, known.stat.st_mtime);
	return 0;
}

static int size_store(const FileDesc *desc, const Object *object, const char *text)
{
	int64_t value;

	if (desc->which == MQ_MAXMSG && !parse_number(text, 1, MAXMSG_HARD, &value))
		return refuse(EINVAL, "maxmsg is a number of messages from 1 to %d", MAXMSG_HARD);
	if (desc->which == MQ_MSGSIZE && !parse_size(text, 1, MSGSIZE_HARD, &value))
		return refuse(EINVAL, "msgsize is a number of bytes from 1 to %d, such as 8192 or 8K", MSGSIZE_HARD);
	return posix_mq_remake(object, desc->which, value);
}

const TextOps posix_mq_attribute = {.show = attribute_show};
const TextOps posix_mq_size = {.show = attribute_show, .store = size_store, .slow = true};
const TextOps posix_mq_status = {.show = status_show};
