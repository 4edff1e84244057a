/*
 * The attributes of a System V queue (msg_attributes.h). fs/ calls the functions through the table of attributes. There is no
 * lock: each call reads the kernel's state anew.
 */
#include "backends/sysv/msg_attributes.h"

#include <errno.h>

#include "backends/core/parse.h"
#include "backends/core/refusal.h"
#include "backends/sysv/msg_call.h"

static int load_snapshot(const Object *object, void *snapshot)
{
	return sysv_load(&sysv_msg_type, object, snapshot);
}

/* IPC_SET, as the caller: only root may exceed msgmnb (msgctl(2), EPERM). */
static int qbytes_store(const Object *object, const char *text)
{
	SysvStat stat;
	int64_t bytes;
	int result;

	if (!parse_size(text, 0, INT_MAX, &bytes))
		return refuse(EINVAL, "qbytes is a number of bytes: write 16384 or 16K, for example");
	result = sysv_load(&sysv_msg_type, object, &stat);
	if (result < 0)
		return result;
	stat.msg.msg_qbytes = (msglen_t)bytes;
	if (msgctl(stat.id, IPC_SET, &stat.msg) == 0)
		return 0;
	if (errno == EPERM)
		return refuse(EPERM,
			      "only the owner may set qbytes, and only with CAP_SYS_RESOURCE above limits/msgmnb");
	return -errno;
}

static const Attribute attributes[] = {
	SYSV_ATTRIBUTES,
	{"qnum", "messages", attribute_print_ulong, offsetof(SysvStat, msg.msg_qnum)},
	{"cbytes", "bytes", attribute_print_ulong, offsetof(SysvStat, msg.__msg_cbytes)},
	{"qbytes", "bytes", attribute_print_ulong, offsetof(SysvStat, msg.msg_qbytes), .store = qbytes_store},
	{"lspid", "pid", attribute_print_int, offsetof(SysvStat, msg.msg_lspid)},
	{"lrpid", "pid", attribute_print_int, offsetof(SysvStat, msg.msg_lrpid)},
	{"stime", "time", attribute_print_time, offsetof(SysvStat, msg.msg_stime)},
	{"rtime", "time", attribute_print_time, offsetof(SysvStat, msg.msg_rtime)},
	{"ctime", "time", attribute_print_time, offsetof(SysvStat, msg.msg_ctime)},
	{0},
};

const AttributeSet sysv_msg_attributes = {.attributes = attributes, .size = sizeof(SysvStat), .load = load_snapshot};
