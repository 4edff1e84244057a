#include "fs/wait/finishing.h"

#include <errno.h>

#include <glib.h>

#include "backends/core/refusal.h"

enum { FINISHING_USER = 1024 };

static GMutex finishing_lock;
static GHashTable *counts; /* Protected by the finishing lock. uid -> files */

/* Adds `change`, and returns the new count. */
static int change_count(uid_t uid, int change)
{
	gpointer key = GUINT_TO_POINTER(uid);
	int count;

	g_mutex_lock(&finishing_lock);
	if (!counts)
		counts = g_hash_table_new(NULL, NULL);
	count = GPOINTER_TO_INT(g_hash_table_lookup(counts, key)) + change;
	if (count > 0)
		g_hash_table_insert(counts, key, GINT_TO_POINTER(count));
	else
		g_hash_table_remove(counts, key);
	g_mutex_unlock(&finishing_lock);
	return count;
}

int finishing_check(uid_t uid)
{
	if (uid == 0 || change_count(uid, 0) < FINISHING_USER)
		return 0;
	return refuse(ENFILE, "limit reached: %d closed files per user still have data to send: read what they send to",
		      FINISHING_USER);
}

void finishing_add(uid_t uid)
{
	change_count(uid, 1);
}

void finishing_remove(uid_t uid)
{
	change_count(uid, -1);
}
