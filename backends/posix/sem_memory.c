/*
 * The layout and the protocol are those of glibc on machines with 64-bit atomic operations (nptl/sem_waitcommon.c, since 2.21):
 *
 *	data      64 bits: the value in the lower half, the number of waiters in the upper
 *	private   128: shared between processes (sem_init's pshared); 0: not
 *
 * A waiter adds itself to the waiters, sleeps while the value is 0, and removes itself in the same atomic step that takes 1. A
 * post adds to the value and wakes as many waiters.
 *
 * Locking: `lock` protects the table of mappings.
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

#include "backends/core/quota.h"
#include "backends/core/refusal.h"
#include "backends/posix/fault.h"

typedef struct Words {
	uint64_t data;
	int32_t private;
	int32_t unused[5];
} Words;

_Static_assert(sizeof(Words) == sizeof(sem_t) && sizeof(Words) == SHARED_SEM_SIZE && sizeof(void *) == 8,
	       "this is the layout of a sem_t on 64-bit machines");

enum {
	PROCESS_SHARED = 128,
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

static GMutex lock;      /* "the mapped-semaphore lock" */
static GHashTable *sems; /* Protected by lock. SemMemory -> itself, by file and offset. */

/* The kernel bounds the mappings of a process. */
static Quota quota = {
	.what = "open POSIX semaphores",
	.remedy = "close some",
	.error = ENFILE,
	.user_max = 1024,
};

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

/* The mapping with one more reference; NULL: there is none. */
static SemMemory *find_mapping(const SemMemory *key)
{
	SemMemory *sem;

	g_mutex_lock(&lock);
	if (!sems)
		sems = g_hash_table_new(sem_hash, sem_equal);
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

/* Adds a new mapping to the table, unless another thread has added the same one. Takes ownership of `sem`. */
static int sem_register(SemMemory *sem, SemMemory **out)
{
	SemMemory *existing;
	int result = 0;

	g_mutex_lock(&lock);
	existing = g_hash_table_lookup(sems, sem);
	if (existing) {
		existing->refs++;
		*out = existing;
	} else {
		result = quota_charge(&quota, sem->uid, 1);
		if (result == 0) {
			g_hash_table_add(sems, sem);
			*out = sem;
		}
	}
	g_mutex_unlock(&lock);
	if (existing || result < 0)
		sem_free(sem);
	return result;
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
		return refuse(EINVAL,
			      "memory is too short: a semaphore takes %d bytes at offset %lld, and the memory has %lld",
			      SHARED_SEM_SIZE, (long long)offset, (long long)stat.st_size);
	key.dev = stat.st_dev;
	key.ino = stat.st_ino;
	*out = find_mapping(&key);
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
	return sem_register(sem, out);
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
		quota_release(&quota, sem->uid, 1);
	}
	g_mutex_unlock(&lock);
	if (last)
		sem_free(sem);
}

/* -- Access --------------------------------------------------------------------------------------------------------- */

typedef struct Touch {
	Words *words;
	uint64_t n;    /* what to add, or to set */
	uint64_t seen; /* the data before the change */
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

static bool replace_data(Touch *touch, uint64_t data)
{
	return __atomic_compare_exchange_n(&touch->words->data, &touch->seen, data, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

static void touch_get(void *data)
{
	Touch *touch = data;

	touch->seen = __atomic_load_n(&touch->words->data, __ATOMIC_ACQUIRE);
	touch->result = is_semaphore(touch) ? 0 : -EINVAL;
}

/* Takes 1 from the value, and n from the whole word in the same step: 0, or WAITER for a waiter. */
static void touch_take(void *data)
{
	Touch *touch = data;

	touch_get(touch);
	while (touch->result == 0) {
		if (value_of(touch->seen) == 0)
			touch->result = -EAGAIN;
		else if (replace_data(touch, touch->seen - 1 - touch->n))
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
		else if (replace_data(touch, touch->seen + touch->n))
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
	while (touch->result == 0 && !replace_data(touch, (touch->seen & ~(uint64_t)UINT32_MAX) | touch->n))
		;
}

/* Adds a waiter, or removes one (n is -WAITER). */
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
		return refuse(EIO, "the memory of the semaphore has been truncated");
	if (touch->result == -EINVAL)
		return refuse(
			EINVAL,
			"no semaphore that processes share is at this offset: initialise one (sem_init with pshared, or write to value)");
	return touch->result;
}

static uint32_t *futex_word(Words *words)
{
	return (uint32_t *)(void *)&words->data + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

/* futex(2) fails with EFAULT if the memory is gone. Then no process waits there. */
static void wake_waiters(SemMemory *sem, uint64_t seen, uint64_t n)
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
	Touch add = {.words = sem->words, .n = WAITER}, take = add, remove = add;
	int result = do_touch(touch_count, &add);

	if (result < 0)
		return result;
	while ((result = do_touch(touch_take, &take)) == -EAGAIN) {
		long error = syscall(SYS_futex, futex_word(sem->words), FUTEX_WAIT, 0, NULL, NULL, 0) ? errno : 0;

		/* EAGAIN: the value is no longer 0. EFAULT: the memory is gone, and the next touch fails with EIO. */
		if (error != 0 && error != EAGAIN && error != EFAULT) {
			result = (int)-error;
			break;
		}
	}
	if (result < 0) {
		remove.n = -WAITER;
		do_touch(touch_count, &remove);
	}
	return result;
}

int sem_memory_post(SemMemory *sem, uint32_t n)
{
	Touch touch = {.words = sem->words, .n = n};
	int result = do_touch(touch_add, &touch);

	if (result == 0)
		wake_waiters(sem, touch.seen, n);
	return result == -EOVERFLOW ?
		       refuse(EOVERFLOW, "value is too large: a semaphore's value is at most %d", SHARED_SEM_MAX) :
		       result;
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
		wake_waiters(sem, touch.seen, value);
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
