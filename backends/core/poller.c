/*
 * The poller: see poller.h. Its thread is a job (async.h) that runs while there are entries.
 *
 * Locking: "the poller lock" guards the added entries and whether the thread runs. The entries that the thread has collected are its own.
 */
#include "backends/core/poller.h"

#include "backends/core/async.h"

enum {
	INTERVAL_US = 10 * 1000,
	SHARE = 20 /* the thread works for at most one part in SHARE of its time, however many entries there are */
};

typedef struct PollerEntry {
	bool (*step)(void *data);
	void *data;
} PollerEntry;

static GMutex lock;
static GArray *added; /* Protected by the poller lock. PollerEntry */
static bool running;  /* Protected by the poller lock. */

/* Moves the added entries to `entries`. Returns false if there is no entry at all: the thread then ends. */
static bool collect_entries(GArray *entries)
{
	bool any;

	g_mutex_lock(&lock);
	g_array_append_vals(entries, added->data, added->len);
	g_array_set_size(added, 0);
	any = running = entries->len > 0;
	g_mutex_unlock(&lock);
	return any;
}

static void poller_run(AsyncJob *job)
{
	g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(PollerEntry));

	/* Nothing waits for the job. It is detached here and not after job_start(), because a detached job that is queued never runs. */
	job_detach(job);
	while (collect_entries(entries)) {
		gint64 start = g_get_monotonic_time();

		for (guint i = entries->len; i-- > 0;) {
			const PollerEntry *entry = &g_array_index(entries, PollerEntry, i);

			if (entry->step(entry->data))
				g_array_remove_index_fast(entries, i);
		}
		g_usleep(MAX(INTERVAL_US, (gulong)(g_get_monotonic_time() - start) * SHARE));
	}
}

static void poller_end(AsyncJob *job)
{
	g_free(job);
}

/*
 * With one thread, a new job waits until the last one has ended, and runs on the same thread. With a second thread, the first one
 * could still be about to end while the second one ends, and a third would be necessary.
 */
static JobClass pollers = {
	.quota = {.what = "background operations"},
	.threads_user_max = 1,
	.run = poller_run,
	.end = poller_end,
};

void poller_add(bool (*step)(void *data), void *data)
{
	const PollerEntry entry = {.step = step, .data = data};
	const int64_t key[4] = {0};
	AsyncJob *job = NULL;

	g_mutex_lock(&lock);
	if (!added)
		added = g_array_new(FALSE, FALSE, sizeof(PollerEntry));
	g_array_append_val(added, entry);
	if (!running)
		job = g_new0(AsyncJob, 1);
	running = true;
	g_mutex_unlock(&lock);
	if (!job || job_start(job, &pollers, 0, key) == 0)
		return;
	/* No thread can be started: the entry waits for the next poller_add(). */
	poller_end(job);
	g_mutex_lock(&lock);
	running = false;
	g_mutex_unlock(&lock);
}
