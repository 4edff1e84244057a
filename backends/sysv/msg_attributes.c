/* The attributes of a System V queue: a file for each field of msqid_ds (msgctl(2)), and status with all of them. */
#include <errno.h>

#include "backends/core/credentials.h"
#include "backends/core/parse.h"
#include "backends/sysv/msg.h"
#include "backends/core/text.h"
#include "backends/core/refusal.h"

/* How each is called in status; key and id are printed there with what every System V object has. */
static const char *const labels[MSG_ATTRIBUTES] = {
	[MSG_QNUM] = "Qnum",   [MSG_CBYTES] = "Cbytes", [MSG_QBYTES] = "Qbytes", [MSG_LSPID] = "Lspid",
	[MSG_LRPID] = "Lrpid", [MSG_STIME] = "Stime",   [MSG_RTIME] = "Rtime",   [MSG_CTIME] = "Ctime",
};

static void print_attribute(int which, int64_t id, const struct msqid_ds *ds, GString *out)
{
	switch (which) {
	case MSG_KEY:
		g_string_append_printf(out, "0x%08x\n", (unsigned)ds->msg_perm.__key);
		break;
	case MSG_ID:
		text_number(out, id);
		break;
	case MSG_QNUM:
		text_number(out, (long long)ds->msg_qnum);
		break;
	case MSG_CBYTES:
		text_number(out, (long long)ds->__msg_cbytes);
		break;
	case MSG_QBYTES:
		text_number(out, (long long)ds->msg_qbytes);
		break;
	case MSG_LSPID:
		text_number(out, ds->msg_lspid);
		break;
	case MSG_LRPID:
		text_number(out, ds->msg_lrpid);
		break;
	case MSG_STIME:
		text_time(out, ds->msg_stime);
		break;
	case MSG_RTIME:
		text_time(out, ds->msg_rtime);
		break;
	case MSG_CTIME:
		text_time(out, ds->msg_ctime);
		break;
	default:
		g_assert_not_reached();
	}
}

static int attribute_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	struct msqid_ds ds;
	int result = sysv_msg_stat(object, &ds);

	if (result == 0)
		print_attribute(desc->which, object->id, &ds, out);
	return result;
}

static int status_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	struct msqid_ds ds;
	int result = sysv_msg_stat(object, &ds);

	if (result < 0)
		return result;
	const SysvStat stat = {.id = (int)object->id, .perm = ds.msg_perm};

	sysv_print_status(&stat, out);
	for (int which = 0; which < MSG_ATTRIBUTES; which++) {
		if (!labels[which])
			continue;
		text_label(out, labels[which]);
		print_attribute(which, object->id, &ds, out);
	}
	return 0;
}

/* IPC_SET, as the caller: only root may go above msgmnb (msgctl(2), EPERM). */
static int qbytes_store(const FileDesc *desc, const Object *object, const char *text)
{
	struct msqid_ds ds;
	int64_t bytes;
	int result;

	if (!parse_size(text, 0, INT_MAX, &bytes))
		return refuse(EINVAL, "qbytes is a number of bytes, such as 16384 or 16K");
	creds_raise();
	result = sysv_msg_stat(object, &ds);
	creds_lower();
	if (result < 0)
		return result;
	ds.msg_qbytes = (msglen_t)bytes;
	if (msgctl((int)object->id, IPC_SET, &ds) == 0)
		return 0;
	if (errno == EPERM)
		return refuse(EPERM, "only the owner may set it, and above limits/msgmnb only with CAP_SYS_RESOURCE");
	return -errno;
}

const TextOps sysv_msg_attribute = {.show = attribute_show};
const TextOps sysv_msg_qbytes = {.show = attribute_show, .store = qbytes_store};
const TextOps sysv_msg_status = {.show = status_show};
