/* The poller calls step() of each entry until that returns true. */
#include "backends/core/poller.h"

#include <glib.h>

static int left[50]; /* atomic: remaining calls of step() for each entry */
static int ended;    /* atomic: entries whose step() returned true */

static bool step(void *data)
{
	int *steps = data;

	if (g_atomic_int_add(steps, -1) > 1)
		return false;
	g_atomic_int_inc(&ended);
	return true;
}

static void await(int value)
{
	while (g_atomic_int_get(&ended) != value)
		g_usleep(1000);
}

/* step() is called until it returns true, and never again. */
static void test_all(void)
{
	for (int turn = 0; turn < 3; turn++) {
		g_atomic_int_set(&ended, 0);
		for (guint i = 0; i < G_N_ELEMENTS(left); i++) {
			g_atomic_int_set(&left[i], 1 + (int)i % 7);
			poller_add(step, &left[i]);
			/* The next entry comes when the poller's thread may be about to end. */
			if (i == 10)
				await(11);
		}
		await(G_N_ELEMENTS(left));
		for (guint i = 0; i < G_N_ELEMENTS(left); i++)
			g_assert_cmpint(g_atomic_int_get(&left[i]), ==, 0);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/poller/all", test_all);
	return g_test_run();
}
