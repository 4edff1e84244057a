/* The caller of a FUSE request (caller.h, with callers and locks). */
#include "fs/caller.h"

#include <errno.h>

Caller caller_of(fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	return (Caller){.uid = ctx->uid, .gid = ctx->gid, .pid = ctx->pid};
}

gid_t *caller_groups(fuse_req_t req, Caller *caller)
{
	gid_t *groups;
	int n = fuse_req_getgroups(req, 0, NULL), listed;

	if (n <= 0)
		return NULL;
	groups = g_new(gid_t, n);
	/* The caller may have joined more groups since; those that do not fit are left out. */
	listed = fuse_req_getgroups(req, n, groups);
	caller->groups = groups;
	caller->ngroups = CLAMP(listed, 0, n);
	return groups;
}

int caller_permitted(fuse_req_t req, const DirOps *members, const Object *object, Caller *caller, int rights)
{
	g_autofree gid_t *groups = NULL;
	Caller full = *caller;
	int result;

	if (!members || !members->permit || !rights)
		return 0;
	result = members->permit(members->context, object, caller, rights);
	if (result != -EACCES || caller->ngroups)
		return result;
	groups = caller_groups(req, &full);
	return groups ? members->permit(members->context, object, &full, rights) : result;
}
