/* The limit on closed files with data to send (finishing.h, with callers and locks). */
#include "fs/wait/finishing.h"

#include <errno.h>

#include "backends/core/quota.h"

static Quota finishing = {
	.what = "closed files with data to send",
	.remedy = "read what they send to",
	.error = ENFILE,
	.user_max = 1024,
};

int finishing_check(uid_t uid)
{
	if (uid == 0 || quota_used(&finishing, uid) < finishing.user_max)
		return 0;
	return quota_refuse(&finishing);
}

void finishing_add(uid_t uid)
{
	/* Beyond the limit too: the data must not be dropped. */
	quota_try(&finishing, uid, 1, INT64_MAX);
}

void finishing_remove(uid_t uid)
{
	quota_release(&finishing, uid, 1);
}
