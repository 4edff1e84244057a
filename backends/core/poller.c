/*
 * Locking: `lock` guards what is new, and whether the thread is there. What the thread has taken is its own.
 */
#include "backends/core/poller.h"

#include "backends/core/async.h"

enum {
	LOOK_US = 10 * 1000,
	SHARE = 20 /* of its time it works one part in so many, however much there is to look at */
};

typedef struct PollerEntry {
	bool (*step)(void *data);
	void *data;
} PollerEntry;

static GMutex lock;
static GArray *fresh; /* Protected by lock. PollerEntry */
static bool running;  /* Protected by lock. */

/* Takes over what is new. False: there is nothing at all, and the thread ends. */
static bool take(GArray *pursued)
{
	bool any;

	g_mutex_lock(&lock);
	g_array_append_vals(pursued, fresh->data, fresh->len);
	g_array_set_size(fresh, 0);
	any = running = pursued->len > 0;
	g_mutex_unlock(&lock);
	return any;
}

static void pursue(AsyncJob *errand)
{
	g_autoptr(GArray) pursued = g_array_new(FALSE, FALSE, sizeof(PollerEntry));

	/* Nobody waits for it; not before it is run, since it would not be then. */
	job_detach(errand);
	while (take(pursued)) {
		gint64 began = g_get_monotonic_time();

		for (guint i = pursued->len; i-- > 0;) {
			const PollerEntry *quarry = &g_array_index(pursued, PollerEntry, i);

			if (quarry->step(quarry->data))
				g_array_remove_index_fast(pursued, i);
		}
		g_usleep(MAX(LOOK_US, (gulong)(g_get_monotonic_time() - began) * SHARE));
	}
}

static void poller_end(AsyncJob *errand)
{
	g_free(errand);
}

/*
 * One that is about to end is one as well. The next is run behind it, by the same thread: on a thread of its own it could be about to
 * end before that one has, and a third would be refused.
 */
static JobClass pursuits = {.what = "pursuits", .at_once = 1, .most = 2, .run = pursue, .end = poller_end};

void poller_add(bool (*step)(void *data), void *data)
{
	const PollerEntry quarry = {.step = step, .data = data};
	const int64_t nobody[4] = {0};
	AsyncJob *errand = NULL;

	g_mutex_lock(&lock);
	if (!fresh)
		fresh = g_array_new(FALSE, FALSE, sizeof(PollerEntry));
	g_array_append_val(fresh, quarry);
	if (!running)
		errand = g_new0(AsyncJob, 1);
	running = true;
	g_mutex_unlock(&lock);
	if (!errand)
		return;
	if (job_start(errand, &pursuits, 0, nobody) == 0)
		return;
	/* Without a thread it waits for who comes next. */
	poller_end(errand);
	g_mutex_lock(&lock);
	running = false;
	g_mutex_unlock(&lock);
}
