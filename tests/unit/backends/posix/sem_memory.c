/* sem_t's in a memfd, with glibc on the other side; and memory that is taken away meanwhile. */
#include "backends/posix/sem_memory.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <glib.h>

#include "backends/posix/fault.h"
#include "backends/posix/sem.h"

enum { OFFSET = 4096 - 8 /* over the end of a page */, SIZE = 3 * 4096 };

typedef struct Fixture {
	int fd;
	char *memory;
	sem_t *theirs;
	SemMemory *ours;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer offset)
{
	fixture->fd = memfd_create("sem", MFD_CLOEXEC);
	g_assert_cmpint(ftruncate(fixture->fd, SIZE), ==, 0);
	fixture->memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fixture->fd, 0);
	g_assert_true(fixture->memory != MAP_FAILED);
	fixture->theirs = (sem_t *)(void *)(fixture->memory + GPOINTER_TO_INT(offset));
	g_assert_cmpint(sem_init(fixture->theirs, 1, 2), ==, 0);
	g_assert_cmpint(sem_memory_open(fixture->fd, GPOINTER_TO_INT(offset), 0, &fixture->ours), ==, 0);
}

static void tear_down(Fixture *fixture, gconstpointer offset)
{
	sem_memory_close(fixture->ours);
	munmap(fixture->memory, SIZE);
	close(fixture->fd);
}

static int their_value(const Fixture *fixture)
{
	int value;

	g_assert_cmpint(sem_getvalue(fixture->theirs, &value), ==, 0);
	return value;
}

static uint32_t our_waiters(const Fixture *fixture)
{
	uint32_t value, waiters;

	g_assert_cmpint(sem_memory_get(fixture->ours, &value, &waiters), ==, 0);
	return waiters;
}

static void test_values(Fixture *fixture, gconstpointer offset)
{
	uint32_t value, waiters;

	g_assert_cmpint(sem_memory_try(fixture->ours), ==, 0);
	g_assert_cmpint(their_value(fixture), ==, 1);
	g_assert_cmpint(sem_trywait(fixture->theirs), ==, 0);
	g_assert_cmpint(sem_memory_try(fixture->ours), ==, -EAGAIN);
	g_assert_cmpint(sem_memory_post(fixture->ours, 3), ==, 0);
	g_assert_cmpint(their_value(fixture), ==, 3);
	g_assert_cmpint(sem_memory_set(fixture->ours, 9, false), ==, 0);
	g_assert_cmpint(their_value(fixture), ==, 9);
	g_assert_cmpint(sem_memory_get(fixture->ours, &value, &waiters), ==, 0);
	g_assert_cmpuint(value, ==, 9);
	g_assert_cmpuint(waiters, ==, 0);
	g_assert_cmpint(sem_memory_set(fixture->ours, SHARED_SEM_MAX, false), ==, 0);
	g_assert_cmpint(sem_memory_post(fixture->ours, 1), ==, -EOVERFLOW);
	g_assert_cmpint(their_value(fixture), ==, SHARED_SEM_MAX);
}

static void test_not_one(Fixture *fixture, gconstpointer offset)
{
	/* Its waiters sleep on a futex of their own process: nobody could wake them. */
	sem_init(fixture->theirs, 0, 2);
	g_assert_cmpint(sem_memory_try(fixture->ours), ==, -EINVAL);
	g_assert_cmpint(sem_memory_set(fixture->ours, 4, false), ==, -EINVAL);
	g_assert_cmpint(sem_memory_set(fixture->ours, 4, true), ==, 0);
	g_assert_cmpint(their_value(fixture), ==, 4);
	g_assert_cmpint(sem_wait(fixture->theirs), ==, 0);
}

static void test_one_mapping(Fixture *fixture, gconstpointer offset)
{
	SemMemory *again;

	g_assert_cmpint(sem_memory_open(fixture->fd, GPOINTER_TO_INT(offset), 1000, &again), ==, 0);
	g_assert_true(again == fixture->ours);
	sem_memory_close(again);
	g_assert_cmpint(sem_memory_try(fixture->ours), ==, 0);
	g_assert_cmpint(sem_memory_open(fixture->fd, SIZE - 24, 0, &again), ==, -EINVAL);
}

static void test_limit(void)
{
	enum { MOST = 1024 };
	SemMemory *sems[MOST], *one_more;
	int fd = memfd_create("sems", MFD_CLOEXEC);

	g_assert_cmpint(ftruncate(fd, (MOST + 1) * SHARED_SEM_SIZE), ==, 0);
	for (int i = 0; i < MOST; i++)
		g_assert_cmpint(sem_memory_open(fd, i * SHARED_SEM_SIZE, 1000, &sems[i]), ==, 0);
	g_assert_cmpint(sem_memory_open(fd, MOST * SHARED_SEM_SIZE, 1000, &one_more), ==, -ENFILE);
	sem_memory_close(sems[0]);
	g_assert_cmpint(sem_memory_open(fd, MOST * SHARED_SEM_SIZE, 1000, &sems[0]), ==, 0);
	g_assert_cmpint(sem_memory_open(fd, 0, 0, &one_more), ==, 0);
	sem_memory_close(one_more);
	for (int i = 0; i < MOST; i++)
		sem_memory_close(sems[i]);
	close(fd);
}

/* -- Waiting -------------------------------------------------------------------------------------------------------- */

typedef struct Waiter {
	Fixture *fixture;
	pid_t thread; /* atomic */
	int result;
} Waiter;

static void on_signal(int signal)
{
}

static gpointer wait_there(gpointer data)
{
	Waiter *waiter = data;

	g_atomic_int_set(&waiter->thread, (int)syscall(SYS_gettid));
	waiter->result = sem_memory_wait(waiter->fixture->ours);
	return NULL;
}

static GThread *start_waiter(Waiter *waiter, uint32_t waiters)
{
	const struct sigaction action = {.sa_handler = on_signal};
	GThread *thread;

	sigaction(SIGURG, &action, NULL);
	thread = g_thread_new("waiter", wait_there, waiter);
	while (our_waiters(waiter->fixture) < waiters)
		g_usleep(1000);
	return thread;
}

static void test_woken(Fixture *fixture, gconstpointer offset)
{
	Waiter waiters[2] = {{.fixture = fixture}, {.fixture = fixture}};
	GThread *threads[2];

	sem_memory_set(fixture->ours, 0, false);
	for (int i = 0; i < 2; i++)
		threads[i] = start_waiter(&waiters[i], (uint32_t)i + 1);
	g_assert_cmpint(sem_post(fixture->theirs), ==, 0);
	g_assert_cmpint(sem_memory_set(fixture->ours, (uint32_t)their_value(fixture) + 1, false), ==, 0);
	for (int i = 0; i < 2; i++) {
		g_thread_join(threads[i]);
		g_assert_cmpint(waiters[i].result, ==, 0);
	}
	g_assert_cmpuint(our_waiters(fixture), ==, 0);
}

/* Signals the thread until it has ended, since a signal may come before it sleeps. */
static void interrupt_waiter(Waiter *waiter, GThread *thread)
{
	pid_t id = g_atomic_int_get(&waiter->thread);

	while (syscall(SYS_tgkill, getpid(), id, SIGURG) == 0)
		g_usleep(1000);
	g_thread_join(thread);
}

static void test_interrupted(Fixture *fixture, gconstpointer offset)
{
	Waiter waiter = {.fixture = fixture};

	sem_memory_set(fixture->ours, 0, false);
	interrupt_waiter(&waiter, start_waiter(&waiter, 1));
	g_assert_cmpint(waiter.result, ==, -EINTR);
	g_assert_cmpuint(our_waiters(fixture), ==, 0);
	g_assert_cmpint(their_value(fixture), ==, 0);
}

/* -- Memory that goes away ------------------------------------------------------------------------------------------- */

static void test_truncated(Fixture *fixture, gconstpointer offset)
{
	uint32_t value, waiters;

	g_assert_cmpint(ftruncate(fixture->fd, 0), ==, 0);
	g_assert_cmpint(sem_memory_try(fixture->ours), ==, -EIO);
	g_assert_cmpint(sem_memory_wait(fixture->ours), ==, -EIO);
	g_assert_cmpint(sem_memory_post(fixture->ours, 1), ==, -EIO);
	g_assert_cmpint(sem_memory_set(fixture->ours, 1, true), ==, -EIO);
	g_assert_cmpint(sem_memory_get(fixture->ours, &value, &waiters), ==, -EIO);
	/* Memory that comes back is empty. */
	g_assert_cmpint(ftruncate(fixture->fd, SIZE), ==, 0);
	g_assert_cmpint(sem_memory_try(fixture->ours), ==, -EINVAL);
	g_assert_cmpint(sem_memory_set(fixture->ours, 1, true), ==, 0);
	g_assert_cmpint(sem_memory_try(fixture->ours), ==, 0);
}

static void test_truncated_while_waiting(Fixture *fixture, gconstpointer offset)
{
	Waiter waiter = {.fixture = fixture};
	GThread *thread;

	sem_memory_set(fixture->ours, 0, false);
	thread = start_waiter(&waiter, 1);
	g_assert_cmpint(ftruncate(fixture->fd, 0), ==, 0);
	interrupt_waiter(&waiter, thread);
	g_assert_cmpint(waiter.result, <, 0);
}

static gint stop;

static gpointer use_it(gpointer data)
{
	Fixture *fixture = data;
	sigset_t all;

	/* As the daemon's threads do. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	while (!g_atomic_int_get(&stop)) {
		sem_memory_post(fixture->ours, 1);
		sem_memory_try(fixture->ours);
		sem_memory_set(fixture->ours, 1, true);
	}
	return NULL;
}

static void test_truncated_in_use(Fixture *fixture, gconstpointer offset)
{
	GThread *threads[4];

	g_atomic_int_set(&stop, 0);
	for (int i = 0; i < 4; i++)
		threads[i] = g_thread_new("user", use_it, fixture);
	for (int i = 0; i < 2000; i++) {
		g_assert_cmpint(ftruncate(fixture->fd, 0), ==, 0);
		g_assert_cmpint(ftruncate(fixture->fd, SIZE), ==, 0);
	}
	g_atomic_int_set(&stop, 1);
	for (int i = 0; i < 4; i++)
		g_thread_join(threads[i]);
}

static void touch_nothing(void *data)
{
	*(volatile char *)data = 1;
}

/* A bad access that nobody expected still ends the process. */
static void test_unexpected(void)
{
	char *page;
	int fd;

	if (!g_test_subprocess()) {
		g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
		g_test_trap_assert_failed();
		return;
	}
	fd = memfd_create("nothing", MFD_CLOEXEC);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fault_try(touch_nothing, page))
		_exit(0);
	touch_nothing(page);
	_exit(0);
}

/* -- Unnamed ones as files -------------------------------------------------------------------------------------------- */

static int memory;

static int backing(const Object *object, int flags)
{
	return dup(memory);
}

static const PosixSem unnamed = POSIX_SEM_UNNAMED(backing);
static const FileDesc unnamed_files[] = {POSIX_SEM_FILES(unnamed)};

static const FileDesc *desc(const char *name)
{
	for (const FileDesc *file = unnamed_files; file->kind; file++)
		if (strcmp(file->name, name) == 0)
			return file;
	g_assert_not_reached();
}

static Handle handle_of(const char *name, const Object *object)
{
	return (Handle){.desc = desc(name), .object = *object, .flags = O_WRONLY};
}

static void test_unnamed(Fixture *fixture, gconstpointer offset)
{
	g_autofree char *name = g_strdup_printf("%d", GPOINTER_TO_INT(offset));
	g_autoptr(GString) text = g_string_new(NULL);
	const Object at = {.id = 7, .name = "memory"};
	Object object;
	Handle op, hold;

	memory = fixture->fd;
	memset(fixture->theirs, 0, sizeof *fixture->theirs);
	g_assert_cmpint(posix_sem_unnamed.lookup(NULL, &at, "4", &object), ==, -ENOENT);
	g_assert_cmpint(posix_sem_unnamed.lookup(NULL, &at, "-8", &object), ==, -ENOENT);
	g_assert_cmpint(posix_sem_unnamed.lookup(NULL, &at, "08", &object), ==, -ENOENT);
	g_assert_cmpint(posix_sem_unnamed.lookup(NULL, &at, name, &object), ==, 0);
	g_assert_cmpint(desc("value")->text->show(desc("value"), &object, NULL, text), ==, -EINVAL);
	g_assert_cmpint(desc("value")->text->store(desc("value"), &object, "1"), ==, 0);
	g_assert_cmpint(desc("value")->text->show(desc("value"), &object, NULL, text), ==, 0);
	g_assert_cmpstr(text->str, ==, "1\n");
	g_assert_cmpint(their_value(fixture), ==, 1);

	hold = handle_of("hold", &object);
	g_assert_cmpint(semaphore_hold.open(&hold, NONBLOCK), ==, 0);
	g_assert_cmpint(their_value(fixture), ==, 0);
	op = handle_of("op", &object);
	g_assert_cmpint(semaphore_op.open(&op, NONBLOCK), ==, 0);
	g_assert_cmpint(semaphore_op.write(&op, "-1\n", 3, NONBLOCK), ==, -EAGAIN);
	g_assert_cmpint(semaphore_op.poll(&op), ==, 0);
	semaphore_hold.close(&hold);
	g_assert_cmpint(semaphore_op.poll(&op), !=, 0);
	g_assert_cmpint(semaphore_op.write(&op, "-1\n+2\n", 6, NONBLOCK), ==, 6);
	g_assert_cmpint(their_value(fixture), ==, 2);
	g_assert_cmpint(semaphore_op.write(&op, "-2\n", 3, NONBLOCK), ==, -EINVAL);
	g_assert_cmpint(semaphore_op.write(&op, "+1\nx\n", 5, NONBLOCK), ==, -EINVAL);
	g_assert_cmpint(semaphore_op.write(&op, "+1\n+1", 5, NONBLOCK), ==, -EINVAL);
	g_assert_cmpint(their_value(fixture), ==, 2);
	semaphore_op.close(&op);
	buffer_clear(&op.rest);
}

#define TEST(name, function) \
	g_test_add("/sem_memory/" name, Fixture, GINT_TO_POINTER(OFFSET), set_up, function, tear_down)

/* ThreadSanitizer makes atomic accesses itself, in functions that no signal handler may leave by a jump. */
#ifdef __SANITIZE_THREAD__
enum { THREAD_SANITIZER = true };
#else
enum { THREAD_SANITIZER = false };
#endif

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	TEST("values", test_values);
	TEST("not-one", test_not_one);
	TEST("one-mapping", test_one_mapping);
	g_test_add_func("/sem_memory/limit", test_limit);
	TEST("woken", test_woken);
	TEST("interrupted", test_interrupted);
	if (!THREAD_SANITIZER) {
		TEST("truncated", test_truncated);
		TEST("truncated-while-waiting", test_truncated_while_waiting);
		TEST("truncated-in-use", test_truncated_in_use);
	}
	g_test_add_func("/sem_memory/unexpected", test_unexpected);
	TEST("unnamed", test_unnamed);
	return g_test_run();
}
