/*
 * The layout and the protocol are glibc's on machines with 64-bit atomic operations (nptl/sem_waitcommon.c, since 2.21):
 *
 *	data      64 bits: the value in the lower half, the number of those who wait in the upper
 *	private   128: shared between processes (sem_init's pshared); 0: not
 *
 * A waiter counts itself in, sleeps on the value while that is 0, and counts itself out in the same step that takes 1. Who
 * adds to the value wakes as many, if anybody waits.
 *
 * Locking: `lock` guards the table of mappings and the charges.
 */
#include "backends/posix/sem_memory.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <semaphore.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <glib.h>

#include "backends/posix/fault.h"
#include "backends/core/refusal.h"

typedef struct Words {
	uint64_t data;
	int32_t private;
	int32_t unused[5];
} Words;

_Static_assert(sizeof(Words) == sizeof(sem_t) && sizeof(Words) == SHARED_SEM_SIZE && sizeof(void *) == 8,
	       "this is the layout of a sem_t on 64-bit machines");

enum {
	PROCESS_SHARED = 128,
	MAPPED_USER = 1024, /* semaphores that one user may have mapped; the kernel bounds a process's mappings */
};

#define WAITER (UINT64_C(1) << 32)

struct SemMemory {
	dev_t dev;
	ino_t ino;
	off_t offset;
	Words *words;
	void *mapping;
	size_t mapped;
	uid_t uid;
	int refs; /* Protected by lock. */
};

static GMutex lock;
static GHashTable *sems;    /* Protected by lock, as below. SemMemory -> itself, by file and offset. */
static GHashTable *charged; /* uid -> how many */

/* -- Mapping -------------------------------------------------------------------------------------------------------- */

static guint sem_hash(gconstpointer data)
{
	const SemMemory *sem = data;

	return (guint)((uint64_t)sem->ino * 2654435761U + (uint64_t)sem->dev +
		       (uint64_t)sem->offset / SHARED_SEM_ALIGN);
}

static gboolean sem_equal(gconstpointer a, gconstpointer b)
{
	const SemMemory *x = a, *y = b;

	return x->dev == y->dev && x->ino == y->ino && x->offset == y->offset;
}

/* Called with lock held. */
static void charge(uid_t uid, int by)
{
	gpointer key = GUINT_TO_POINTER(uid);
	int now = GPOINTER_TO_INT(g_hash_table_lookup(charged, key)) + by;

	if (now > 0)
		g_hash_table_insert(charged, key, GINT_TO_POINTER(now));
	else
		g_hash_table_remove(charged, key);
}

/* One more user of the mapping, if there is one. */
static SemMemory *find(const SemMemory *key)
{
	SemMemory *sem;

	g_mutex_lock(&lock);
	if (!sems) {
		sems = g_hash_table_new(sem_hash, sem_equal);
		charged = g_hash_table_new(NULL, NULL);
	}
	sem = g_hash_table_lookup(sems, key);
	if (sem)
		sem->refs++;
	g_mutex_unlock(&lock);
	return sem;
}

static void sem_free(SemMemory *sem)
{
	munmap(sem->mapping, sem->mapped);
	g_free(sem);
}

/* Enters a new mapping, or finds that another thread was faster. Takes ownership of `sem`. */
static int enter(SemMemory *sem, SemMemory **out)
{
	SemMemory *other;
	int result = 0;

	g_mutex_lock(&lock);
	other = g_hash_table_lookup(sems, sem);
	if (other) {
		other->refs++;
		*out = other;
	} else if (sem->uid != 0 &&
		   GPOINTER_TO_INT(g_hash_table_lookup(charged, GUINT_TO_POINTER(sem->uid))) >= MAPPED_USER) {
		result = -ENFILE;
	} else {
		charge(sem->uid, 1);
		g_hash_table_add(sems, sem);
		*out = sem;
	}
	g_mutex_unlock(&lock);
	if (other || result < 0)
		sem_free(sem);
	return result < 0 ? refuse(ENFILE, "you have %d different semaphores open", MAPPED_USER) : 0;
}

int sem_memory_open(int fd, off_t offset, uid_t uid, SemMemory **out)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const size_t before = (size_t)offset % page;
	SemMemory key = {.offset = offset}, *sem;
	struct stat stat;

	if (fstat(fd, &stat))
		return -errno;
	if (offset < 0 || stat.st_size < offset || stat.st_size - offset < SHARED_SEM_SIZE)
		return refuse(EINVAL, "there are no %d bytes for a semaphore at offset %lld: the memory has %lld",
			      SHARED_SEM_SIZE, (long long)offset, (long long)stat.st_size);
	key.dev = stat.st_dev;
	key.ino = stat.st_ino;
	*out = find(&key);
	if (*out)
		return 0;
	sem = g_new(SemMemory, 1);
	*sem = key;
	sem->refs = 1;
	sem->uid = uid;
	sem->mapped = before + SHARED_SEM_SIZE;
	sem->mapping = mmap(NULL, sem->mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset - (off_t)before);
	if (sem->mapping == MAP_FAILED) {
		int error = errno;

		g_free(sem);
		return -error;
	}
	sem->words = (Words *)(void *)((char *)sem->mapping + before);
	return enter(sem, out);
}

void sem_memory_close(SemMemory *sem)
{
	bool last;

	if (!sem)
		return;
	g_mutex_lock(&lock);
	last = --sem->refs == 0;
	if (last) {
		g_hash_table_remove(sems, sem);
		charge(sem->uid, -1);
	}
	g_mutex_unlock(&lock);
	if (last)
		sem_free(sem);
}

/* -- Touching ------------------------------------------------------------------------------------------------------- */

typedef struct Touch {
	Words *words;
	uint64_t n;    /* what to add, or to set */
	uint64_t seen; /* the data before */
	bool make;
	int result;
} Touch;

static uint32_t value_of(uint64_t data)
{
	return (uint32_t)data;
}

static uint32_t waiters_of(uint64_t data)
{
	return (uint32_t)(data >> 32);
}

static bool is_semaphore(const Touch *touch)
{
	return __atomic_load_n(&touch->words->private, __ATOMIC_RELAXED) == PROCESS_SHARED;
}

static bool replace(Touch *touch, uint64_t now)
{
	return __atomic_compare_exchange_n(&touch->words->data, &touch->seen, now, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

static void touch_get(void *data)
{
	Touch *touch = data;

	touch->seen = __atomic_load_n(&touch->words->data, __ATOMIC_ACQUIRE);
	touch->result = is_semaphore(touch) ? 0 : -EINVAL;
}

/* Takes 1, and n from the whole word with it: 0, or WAITER of somebody who has counted himself in. */
static void touch_take(void *data)
{
	Touch *touch = data;

	touch_get(touch);
	while (touch->result == 0) {
		if (value_of(touch->seen) == 0)
			touch->result = -EAGAIN;
		else if (replace(touch, touch->seen - 1 - touch->n))
			break;
	}
}

static void touch_add(void *data)
{
	Touch *touch = data;

	touch_get(touch);
	while (touch->result == 0) {
		if (touch->n > (uint64_t)SHARED_SEM_MAX - MIN(value_of(touch->seen), (uint32_t)SHARED_SEM_MAX))
			touch->result = -EOVERFLOW;
		else if (replace(touch, touch->seen + touch->n))
			break;
	}
}

static void touch_set(void *data)
{
	Touch *touch = data;

	touch_get(touch);
	if (touch->result == -EINVAL && touch->make) {
		memset(touch->words, 0, sizeof *touch->words);
		__atomic_store_n(&touch->words->data, touch->n, __ATOMIC_RELAXED);
		__atomic_store_n(&touch->words->private, PROCESS_SHARED, __ATOMIC_RELEASE);
		touch->seen = 0;
		touch->result = 0;
		return;
	}
	while (touch->result == 0 && !replace(touch, (touch->seen & ~(uint64_t)UINT32_MAX) | touch->n))
		;
}

/* Counts a waiter in or (n is -WAITER) out. */
static void touch_count(void *data)
{
	Touch *touch = data;

	touch_get(touch);
	if (touch->result == 0)
		touch->seen = __atomic_fetch_add(&touch->words->data, touch->n, __ATOMIC_ACQ_REL);
}

static int do_touch(void (*how)(void *), Touch *touch)
{
	if (!fault_try(how, touch))
		return refuse(EIO, "the memory that the semaphore was in has been truncated");
	if (touch->result == -EINVAL)
		return refuse(EINVAL,
			      "no semaphore that processes share has been initialised here (sem_init, pshared)");
	return touch->result;
}

static uint32_t *futex_word(Words *words)
{
	return (uint32_t *)(void *)&words->data + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

/* A futex on memory that is gone says EFAULT; nobody can wait there. */
static void wake(SemMemory *sem, uint64_t seen, uint64_t n)
{
	if (waiters_of(seen) > 0 && n > 0)
		syscall(SYS_futex, futex_word(sem->words), FUTEX_WAKE, (int)MIN(n, INT_MAX), NULL, NULL, 0);
}

/* -- Operations ----------------------------------------------------------------------------------------------------- */

int sem_memory_try(SemMemory *sem)
{
	Touch touch = {.words = sem->words};

	return do_touch(touch_take, &touch);
}

int sem_memory_wait(SemMemory *sem)
{
	Touch in = {.words = sem->words, .n = WAITER}, take = in, out = in;
	int result = do_touch(touch_count, &in);

	if (result < 0)
		return result;
	while ((result = do_touch(touch_take, &take)) == -EAGAIN) {
		long error = syscall(SYS_futex, futex_word(sem->words), FUTEX_WAIT, 0, NULL, NULL, 0) ? errno : 0;

		/* EAGAIN: the value is no longer 0. EFAULT: the memory is gone, which the next try meets. */
		if (error != 0 && error != EAGAIN && error != EFAULT) {
			result = (int)-error;
			break;
		}
	}
	if (result < 0) {
		out.n = -WAITER;
		do_touch(touch_count, &out);
	}
	return result;
}

int sem_memory_post(SemMemory *sem, uint32_t n)
{
	Touch touch = {.words = sem->words, .n = n};
	int result = do_touch(touch_add, &touch);

	if (result == 0)
		wake(sem, touch.seen, n);
	return result == -EOVERFLOW ? refuse(EOVERFLOW, "a semaphore's value is at most %d", SHARED_SEM_MAX) : result;
}

int sem_memory_get(SemMemory *sem, uint32_t *value, uint32_t *waiters)
{
	Touch touch = {.words = sem->words};
	int result = do_touch(touch_get, &touch);

	if (result == 0) {
		*value = value_of(touch.seen);
		*waiters = waiters_of(touch.seen);
	}
	return result;
}

int sem_memory_set(SemMemory *sem, uint32_t value, bool make)
{
	Touch touch = {.words = sem->words, .n = value, .make = make};
	int result = do_touch(touch_set, &touch);

	if (result == 0)
		wake(sem, touch.seen, value);
	return result;
}

int sem_memory_decode(const char *bytes, uint32_t *value, uint32_t *waiters)
{
	Words words;
	Touch touch = {.words = &words};

	memcpy(&words, bytes, sizeof words);
	if (do_touch(touch_get, &touch) < 0)
		return -EINVAL;
	*value = value_of(touch.seen);
	*waiters = waiters_of(touch.seen);
	return 0;
}

void sem_memory_encode(uint32_t value, char *bytes)
{
	const Words words = {.data = value, .private = PROCESS_SHARED};

	memcpy(bytes, &words, sizeof words);
}
