/* Jobs: turns and quotas of users, and detached jobs. A job runs until the test opens a gate or lets the job pass by name. */
#include "backends/core/async.h"

#include <errno.h>

#include "backends/core/host.h"
#include "backends/core/refusal.h"

typedef struct Task {
	AsyncJob job;
	char name;
} Task;

/* Protected by lock. */
static GMutex lock;
static GCond changed;
static int open_gates; /* the number of jobs that may end */
static char passes;    /* the name of another job that may end */
static int running, ended, woken;
static int started;    /* atomic */
static GString *order; /* the names of the jobs in the order in which they started */

static void task_run(AsyncJob *job)
{
	g_mutex_lock(&lock);
	running++;
	g_string_append_c(order, ((Task *)job)->name);
	g_cond_broadcast(&changed);
	while (open_gates == 0 && passes != ((Task *)job)->name)
		g_cond_wait(&changed, &lock);
	if (passes == ((Task *)job)->name)
		passes = 0;
	else
		open_gates--;
	running--;
	g_mutex_unlock(&lock);
}

static void task_end(AsyncJob *job)
{
	g_mutex_lock(&lock);
	ended++;
	g_cond_broadcast(&changed);
	g_mutex_unlock(&lock);
	g_free(job);
}

static void wake(const int64_t key[4])
{
	g_assert_cmpint(key[0], ==, 7);
	g_mutex_lock(&lock);
	woken++;
	g_cond_broadcast(&changed);
	g_mutex_unlock(&lock);
}

static JobClass class = {.quota = {.what = "tasks", .remedy = "wait", .error = ENFILE, .user_max = 5},
			 .threads_user_max = 2,
			 .run = task_run,
			 .end = task_end};

static void begin(void)
{
	host_register(&(HostOps){.wake = wake});
	running = ended = woken = open_gates = started = 0;
	passes = 0;
	if (order)
		g_string_free(order, TRUE);
	order = g_string_new(NULL);
}

static int start(char name, uid_t uid, Task **out)
{
	const int64_t key[4] = {7};
	Task *task = g_new0(Task, 1);
	int result;

	task->name = name;
	result = job_start(&task->job, &class, uid, key);
	if (result < 0)
		g_free(task);
	else
		g_atomic_int_inc(&started);
	*out = result < 0 ? NULL : task;
	return result;
}

static void await(const int *number, int value)
{
	g_mutex_lock(&lock);
	while (*number != value)
		g_cond_wait(&changed, &lock);
	g_mutex_unlock(&lock);
}

static void open_gate(int times)
{
	g_mutex_lock(&lock);
	open_gates += times;
	g_cond_broadcast(&changed);
	g_mutex_unlock(&lock);
}

static void let_pass(char name)
{
	g_mutex_lock(&lock);
	passes = name;
	g_cond_broadcast(&changed);
	g_mutex_unlock(&lock);
}

static void test_one(void)
{
	Task *task;

	begin();
	g_assert_cmpint(start('a', 1, &task), ==, 0);
	await(&running, 1);
	g_assert_false(job_done(&task->job));
	open_gate(1);
	await(&woken, 1);
	g_assert_true(job_done(&task->job));
	job_detach(&task->job);
	await(&ended, 1);
}

/* The jobs of a user beyond threads_user_max run in order. Another user's jobs do not wait for them. */
static void test_turns(void)
{
	Task *tasks[5], *refused, *other;

	begin();
	for (int i = 0; i < 2; i++)
		g_assert_cmpint(start("ab"[i], 1, &tasks[i]), ==, 0);
	await(&running, 2);
	for (int i = 2; i < 5; i++)
		g_assert_cmpint(start("abcde"[i], 1, &tasks[i]), ==, 0);
	g_assert_cmpint(start('x', 1, &refused), ==, -ENFILE);
	g_assert_true(refusal_noted());
	g_assert_cmpint(start('o', 2, &other), ==, 0);
	await(&running, 3);
	let_pass('o');
	await(&woken, 1);
	for (int i = 0; i < 5; i++) {
		let_pass("abcde"[i]);
		await(&woken, i + 2);
		/* The next job starts on the thread of the last one before another thread is free. */
		await(&running, MIN(2, 4 - i));
	}
	for (int i = 0; i < 5; i++)
		job_detach(&tasks[i]->job);
	job_detach(&other->job);
	await(&ended, 6);
	g_assert_nonnull(strstr(order->str, "o"));
	g_string_erase(order, strchr(order->str, 'o') - order->str, 1);
	/* The first two start together, in any order. */
	g_assert_cmpstr(order->str + 2, ==, "cde");
	g_assert_cmpint(start('y', 1, &refused), ==, 0);
	open_gate(1);
	job_detach(&refused->job);
	await(&ended, 7);
}

/* A job that is detached before its turn never runs. A job that is detached while it runs wakes no waiter. */
static void test_detach(void)
{
	Task *a, *b, *c, *d;

	begin();
	g_assert_cmpint(start('a', 1, &a), ==, 0);
	g_assert_cmpint(start('b', 1, &b), ==, 0);
	await(&running, 2);
	g_assert_cmpint(start('c', 1, &c), ==, 0);
	g_assert_cmpint(start('d', 1, &d), ==, 0);
	job_detach(&c->job);
	await(&ended, 1);
	job_detach(&a->job);
	g_assert_cmpint(ended, ==, 1);
	open_gate(3);
	await(&woken, 2);
	job_detach(&b->job);
	job_detach(&d->job);
	await(&ended, 4);
	g_assert_null(strchr(order->str, 'c'));
	g_assert_cmpint(woken, ==, 2);
	job_detach(NULL);
}

/* Several threads start jobs and detach them at any time. */
static void *storm(void *data)
{
	GRand *random = g_rand_new_with_seed(GPOINTER_TO_UINT(data));

	for (int i = 0; i < 2000; i++) {
		Task *task;

		if (start('s', (uid_t)g_rand_int_range(random, 1, 4), &task) < 0)
			continue;
		for (int turns = g_rand_int_range(random, 0, 200); turns > 0; turns--)
			g_thread_yield();
		job_detach(&task->job);
	}
	g_rand_free(random);
	return NULL;
}

static void test_storm(void)
{
	GThread *threads[4];

	begin();
	open_gate(1000000);
	for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
		threads[i] = g_thread_new(NULL, storm, GUINT_TO_POINTER(i));
	for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
		g_thread_join(threads[i]);
	await(&ended, started);
	/* Nothing stays charged: a user can start as many jobs as the quota allows. */
	begin();
	open_gate(5);
	for (int i = 0; i < 5; i++) {
		Task *task;

		g_assert_cmpint(start('z', 9, &task), ==, 0);
		job_detach(&task->job);
	}
	await(&ended, 5);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/job/one", test_one);
	g_test_add_func("/job/turns", test_turns);
	g_test_add_func("/job/detach", test_detach);
	g_test_add_func("/job/storm", test_storm);
	return g_test_run();
}
