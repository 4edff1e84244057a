/* Quotas: see quota.h. A user is in the table of a quota only while something is charged. */
#include "backends/core/quota.h"

#include "backends/core/refusal.h"

static GMutex lock; /* "The quota lock": guards `used` of every quota. Held for a few instructions. */

/* Called with the quota lock held. */
static int64_t used_by(const Quota *quota, uid_t uid)
{
	return quota->used ? (intptr_t)g_hash_table_lookup(quota->used, GUINT_TO_POINTER(uid)) : 0;
}

/* Called with the quota lock held. */
static void set_used(Quota *quota, uid_t uid, int64_t amount)
{
	g_assert(amount >= 0);
	if (!quota->used)
		quota->used = g_hash_table_new(NULL, NULL);
	if (amount)
		g_hash_table_insert(quota->used, GUINT_TO_POINTER(uid), (gpointer)(intptr_t)amount);
	else
		g_hash_table_remove(quota->used, GUINT_TO_POINTER(uid));
}

bool quota_try(Quota *quota, uid_t uid, int64_t amount, int64_t limit)
{
	int64_t used;
	bool fits;

	g_mutex_lock(&lock);
	used = used_by(quota, uid);
	fits = used <= limit && amount <= limit - used;
	if (fits)
		set_used(quota, uid, used + amount);
	g_mutex_unlock(&lock);
	return fits;
}

int quota_refuse(const Quota *quota)
{
	return refuse(quota->error, "limit reached: %lld %s per user: %s", (long long)quota->user_max, quota->what,
		      quota->remedy);
}

int quota_charge(Quota *quota, uid_t uid, int64_t amount)
{
	if (quota_try(quota, uid, amount, uid == 0 ? INT64_MAX : quota->user_max))
		return 0;
	return quota_refuse(quota);
}

void quota_release(Quota *quota, uid_t uid, int64_t amount)
{
	g_mutex_lock(&lock);
	set_used(quota, uid, used_by(quota, uid) - amount);
	g_mutex_unlock(&lock);
}

int64_t quota_used(Quota *quota, uid_t uid)
{
	int64_t used;

	g_mutex_lock(&lock);
	used = used_by(quota, uid);
	g_mutex_unlock(&lock);
	return used;
}
