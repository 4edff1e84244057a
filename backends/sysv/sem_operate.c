/*
 * semop(2): operations on a set or one of its semaphores, and `undo`.
 *
 * The kernel's SEM_UNDO would bind to the thread of ours that makes the call. So what is to be undone is kept with the open
 * file (Handle.unsent: an int for each semaphore, once there is anything to undo), and given back when that is closed for the
 * last time.
 *
 * Locking: `lock` guards Handle.unsent, since several writes of one handle may be under way.
 */
#include <errno.h>
#include <string.h>

#include "backends/sysv/sem.h"
#include "backends/core/refusal.h"

enum { FEW = 16 };

static GMutex lock;

int sysv_sem_removed(int error)
{
	return error == EINVAL ? -EIDRM : -error;
}

int sysv_sem_stat(const Object *object, struct semid_ds *out)
{
	return semctl((int)object->id, 0, IPC_STAT, (union semun){.buf = out}) < 0 ? sysv_sem_removed(errno) : 0;
}

int sysv_sem_control(const Object *object, int command, int value)
{
	int result = semctl((int)object->id, (int)object->part, command, (union semun){.val = value});

	return result < 0 ? sysv_sem_removed(errno) : result;
}

unsigned short *sysv_sem_values(const Object *object, size_t *nsems, int *result)
{
	struct semid_ds ds;
	unsigned short *values;

	*result = sysv_sem_stat(object, &ds);
	if (*result < 0)
		return NULL;
	*nsems = ds.sem_nsems;
	values = g_new(unsigned short, ds.sem_nsems);
	if (semctl((int)object->id, 0, GETALL, (union semun){.array = values}) == 0)
		return values;
	*result = sysv_sem_removed(errno);
	g_free(values);
	return NULL;
}

static int largest_count(void)
{
	struct seminfo info;

	return semctl(0, 0, IPC_INFO, (union semun){.info = &info}) < 0 ? 1 : MAX(info.semopm, 1);
}

static int explain_refusal(const Object *object, int error)
{
	struct semid_ds ds;

	switch (error) {
	case EFBIG:
		if (sysv_sem_stat(object, &ds) == 0)
			return refuse(EFBIG, "the set has %lu semaphores, numbered from 0",
				      (unsigned long)ds.sem_nsems);
		break;
	case E2BIG:
		return refuse(E2BIG, "an operation has at most limits/semopm changes, which is %d", largest_count());
	case ERANGE:
		return refuse(ERANGE, "a semaphore's value is at most %d", SEMVMX_LINUX);
	default:
		break;
	}
	return sysv_sem_removed(error);
}

/* As semop wants them. sembuf has no room for what is out of range, which semop would refuse in the same way. */
static int convert(const SemaphoreChange *changes, size_t count, short flags, struct sembuf *out)
{
	for (size_t i = 0; i < count; i++) {
		if (changes[i].number > USHRT_MAX)
			return -EFBIG;
		if (changes[i].by > SEMVMX_LINUX || changes[i].by < -SEMVMX_LINUX)
			return -ERANGE;
		out[i] = (struct sembuf){
			.sem_num = (unsigned short)changes[i].number,
			.sem_op = (short)changes[i].by,
			.sem_flg = flags,
		};
	}
	return 0;
}

int sysv_sem_operate(const Object *object, const SemaphoreChange *changes, size_t count, BlockMode block)
{
	struct sembuf few[FEW];
	g_autofree struct sembuf *many = count > FEW ? g_new(struct sembuf, count) : NULL;
	struct sembuf *ops = many ? many : few;
	int result = convert(changes, count, block == NONBLOCK ? IPC_NOWAIT : 0, ops);

	if (result < 0)
		return explain_refusal(object, -result);
	if (semop((int)object->id, ops, count) == 0)
		return 0;
	return errno == EAGAIN || errno == EINTR ? -errno : explain_refusal(object, errno);
}

int sysv_sem_could(const Object *object, const SemaphoreChange *changes, size_t count)
{
	size_t nsems;
	int result;
	g_autofree unsigned short *values = sysv_sem_values(object, &nsems, &result);

	if (!values)
		return result;
	for (size_t i = 0; i < count; i++) {
		if (changes[i].number < 0 || (uint64_t)changes[i].number >= nsems)
			return -EFBIG;
		unsigned short *value = &values[changes[i].number];

		if (changes[i].by == 0 ? *value != 0 : *value + changes[i].by < 0)
			return 0;
		*value = (unsigned short)MIN(*value + changes[i].by, SEMVMX_LINUX);
	}
	return 1;
}

void sysv_sem_adjust(const Object *object, unsigned short number, int by)
{
	Object one = *object;

	one.part = number;
	/* Another process may change the value between the two calls: then once more. */
	while (by != 0) {
		int value = 0, step = CLAMP(by, -SEMVMX_LINUX, SEMVMX_LINUX);
		struct sembuf op = {.sem_num = number, .sem_op = (short)step, .sem_flg = IPC_NOWAIT};

		if (semop((int)object->id, &op, 1) == 0) {
			by -= step;
			continue;
		}
		if (errno != EAGAIN && errno != ERANGE)
			return;
		value = sysv_sem_control(&one, GETVAL, 0);
		if (value < 0 || (by < 0 && value == 0) || (by > 0 && value == SEMVMX_LINUX))
			return;
		by = CLAMP(by, -value, SEMVMX_LINUX - value);
	}
}

/* -- op ------------------------------------------------------------------------------------------------------------- */

static int operate(Handle *handle, const SemaphoreChange *changes, size_t count, BlockMode block)
{
	return sysv_sem_operate(&handle->object, changes, count, block);
}

static int could(Handle *handle, const SemaphoreChange *changes, size_t count)
{
	return sysv_sem_could(&handle->object, changes, count);
}

static void give_back(Handle *handle)
{
	sysv_sem_adjust(&handle->object, (unsigned short)handle->object.part, 1);
}

const Semaphore sysv_sem_set = {.set = true, .operate = operate, .could = could};
const Semaphore sysv_sem_one = {.operate = operate, .could = could, .give_back = give_back};

/* -- undo ----------------------------------------------------------------------------------------------------------- */

/* The handle's adjustments, *nsems of them; NULL: there are none yet. Called with lock held. */
static int *adjustments(Handle *handle, size_t *nsems)
{
	*nsems = handle->unsent.length / sizeof(int);
	return *nsems ? (int *)(void *)buffer_bytes(&handle->unsent) : NULL;
}

/* Makes room for the adjustments of the whole set. */
static int prepare(Handle *handle)
{
	g_autofree char *zeros = NULL;
	struct semid_ds ds;
	size_t nsems;
	int result;

	g_mutex_lock(&lock);
	adjustments(handle, &nsems);
	g_mutex_unlock(&lock);
	if (nsems)
		return 0;
	result = sysv_sem_stat(&handle->object, &ds);
	if (result < 0)
		return result;
	zeros = g_malloc0(ds.sem_nsems * sizeof(int));
	g_mutex_lock(&lock);
	if (!handle->unsent.length)
		buffer_append(&handle->unsent, zeros, ds.sem_nsems * sizeof(int));
	g_mutex_unlock(&lock);
	return 0;
}

/* Notes what is to be undone; or, `back`, notes it no longer. False: an adjustment would leave its range; nothing changed. */
static bool note(Handle *handle, const SemaphoreChange *changes, size_t count, bool back)
{
	bool fits = true;
	size_t nsems, i;
	int *adjust;

	g_mutex_lock(&lock);
	adjust = adjustments(handle, &nsems);
	for (i = 0; i < count && fits; i++) {
		int64_t now;

		/* Such an operation is not going to succeed. */
		if (changes[i].number >= (int64_t)nsems || ABS(changes[i].by) > SEMVMX_LINUX)
			continue;
		now = adjust[changes[i].number] + (back ? changes[i].by : -changes[i].by);
		fits = back || (now >= -SEMVMX_LINUX - 1 && now <= SEMVMX_LINUX);
		if (fits)
			adjust[changes[i].number] = (int)now;
	}
	if (!fits) {
		for (i--; i-- > 0;)
			if (changes[i].number < (int64_t)nsems && ABS(changes[i].by) <= SEMVMX_LINUX)
				adjust[changes[i].number] += (int)changes[i].by;
	}
	g_mutex_unlock(&lock);
	return fits;
}

/* Noted first, while it can still be refused; the handle is not closed before its last operation has ended. */
static int undo_operate(Handle *handle, const SemaphoreChange *changes, size_t count, BlockMode block)
{
	int result = prepare(handle);

	if (result < 0)
		return result;
	if (!note(handle, changes, count, false))
		return refuse(ERANGE, "there would be more than %d to undo in one semaphore", SEMVMX_LINUX);
	result = sysv_sem_operate(&handle->object, changes, count, block);
	if (result < 0)
		note(handle, changes, count, true);
	return result;
}

/* All at once where that is possible, as the kernel does it; else each as far as it goes. */
static void undo_close(Handle *handle)
{
	size_t nsems, count = 0;
	const int *adjust = adjustments(handle, &nsems);
	g_autofree struct sembuf *ops = adjust ? g_new(struct sembuf, nsems) : NULL;

	for (size_t i = 0; i < nsems; i++)
		if (adjust[i])
			ops[count++] = (struct sembuf){(unsigned short)i, (short)adjust[i], IPC_NOWAIT};
	if (count == 0 || (count <= (size_t)largest_count() && semop((int)handle->object.id, ops, count) == 0))
		return;
	for (size_t i = 0; i < count; i++)
		sysv_sem_adjust(&handle->object, ops[i].sem_num, ops[i].sem_op);
}

const Semaphore sysv_sem_undo = {.set = true, .operate = undo_operate, .could = could, .close = undo_close};
