/*
 * Handle.unsent of `undo` holds an int for each semaphore of the set, once there is anything to undo.
 *
 * Locking: `lock` protects Handle.unsent, since several writes of one handle may run at the same time. It is never held across a
 * system call.
 */
#include "backends/sysv/sem_operate.h"

#include <errno.h>
#include <string.h>

#include "backends/core/refusal.h"
#include "backends/sysv/sem_call.h"

enum { FEW = 16 };

static GMutex lock; /* "the undo lock" */

/* semopm: the largest number of changes in one semop. */
static int changes_max(void)
{
	struct seminfo info;

	return semctl(0, 0, IPC_INFO, (union semun){.info = &info}) < 0 ? 1 : MAX(info.semopm, 1);
}

static int explain_refusal(const Object *object, int error)
{
	SysvStat stat;

	switch (error) {
	case EFBIG:
		if (sysv_load(&sysv_sem_type, object, &stat) == 0)
			return refuse(EFBIG,
				      "no semaphore with that number: the set has %lu semaphores, numbered from 0",
				      (unsigned long)stat.sem.sem_nsems);
		break;
	case E2BIG:
		return refuse(E2BIG, "operation has more changes than limits/semopm (%d): write fewer", changes_max());
	case ERANGE:
		return refuse(ERANGE, "value of a semaphore would exceed %d: write a smaller change", SEMVMX_LINUX);
	default:
		break;
	}
	return sysv_removed(error);
}

/*
 * Fills the arguments of semop. Returns 0, or the errno with which semop refuses a number or a change that does not fit into a
 * sembuf.
 */
static int fill_sembufs(const SemaphoreChange *changes, size_t count, short flags, struct sembuf *out)
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

/* Semaphore.operate */
static int operate_set(Handle *handle, const SemaphoreChange *changes, size_t count, BlockMode block)
{
	const Object *object = &handle->object;
	struct sembuf few[FEW];
	g_autofree struct sembuf *many = count > FEW ? g_new(struct sembuf, count) : NULL;
	struct sembuf *ops = many ? many : few;
	int result = fill_sembufs(changes, count, block == NONBLOCK ? IPC_NOWAIT : 0, ops);

	if (result < 0)
		return explain_refusal(object, -result);
	if (semop((int)object->id, ops, count) == 0)
		return 0;
	return errno == EAGAIN || errno == EINTR ? -errno : explain_refusal(object, errno);
}

/* Semaphore.could */
static int could_operate(Handle *handle, const SemaphoreChange *changes, size_t count)
{
	size_t nsems;
	int result;
	g_autofree unsigned short *values = sysv_sem_values(&handle->object, &nsems, &result);

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

/*
 * Does what the kernel does for SEM_UNDO at the end of a process: adds `by` to the semaphore, as far as the range of values allows
 * (semop(2), BUGS). Never sleeps.
 */
static void adjust(const Object *object, unsigned short number, int by)
{
	Object semaphore = *object;

	semaphore.part = number;
	/* Another process may change the value between the two calls; then both are made again. */
	while (by != 0) {
		int value = 0, step = CLAMP(by, -SEMVMX_LINUX, SEMVMX_LINUX);
		struct sembuf op = {.sem_num = number, .sem_op = (short)step, .sem_flg = IPC_NOWAIT};

		if (semop((int)object->id, &op, 1) == 0) {
			by -= step;
			continue;
		}
		if (errno != EAGAIN && errno != ERANGE)
			return;
		value = sysv_sem_control(&semaphore, GETVAL, 0);
		if (value < 0 || (by < 0 && value == 0) || (by > 0 && value == SEMVMX_LINUX))
			return;
		by = CLAMP(by, -value, SEMVMX_LINUX - value);
	}
}

/* Semaphore.give_back */
static void give_back(Handle *handle)
{
	adjust(&handle->object, (unsigned short)handle->object.part, 1);
}

const Semaphore sysv_sem_set = {.set = true, .operate = operate_set, .could = could_operate};
const Semaphore sysv_sem_one = {.operate = operate_set, .could = could_operate, .give_back = give_back};

/* -- undo ----------------------------------------------------------------------------------------------------------- */

/* The handle's adjustments, *nsems of them, or NULL and 0 if there are none yet. Called with lock held. */
static int *adjustments(Handle *handle, size_t *nsems)
{
	*nsems = handle->unsent.length / sizeof(int);
	return *nsems ? (int *)(void *)buffer_bytes(&handle->unsent) : NULL;
}

/* Makes room for the adjustments of the whole set. Returns 0 or a negative errno. */
static int make_adjustments(Handle *handle)
{
	g_autofree char *zeros = NULL;
	SysvStat stat;
	size_t nsems;
	int result;

	g_mutex_lock(&lock);
	adjustments(handle, &nsems);
	g_mutex_unlock(&lock);
	if (nsems)
		return 0;
	result = sysv_load(&sysv_sem_type, &handle->object, &stat);
	if (result < 0)
		return result;
	zeros = g_malloc0(stat.sem.sem_nsems * sizeof(int));
	g_mutex_lock(&lock);
	if (!handle->unsent.length)
		buffer_append(&handle->unsent, zeros, stat.sem.sem_nsems * sizeof(int));
	g_mutex_unlock(&lock);
	return 0;
}

/*
 * Records what is to be undone, or with `back` takes such a record back. Returns false, and changes nothing, if an adjustment
 * would leave its range.
 */
static bool record_changes(Handle *handle, const SemaphoreChange *changes, size_t count, bool back)
{
	bool fits = true;
	size_t nsems, i;
	int *adjusted;

	g_mutex_lock(&lock);
	adjusted = adjustments(handle, &nsems);
	for (i = 0; i < count && fits; i++) {
		int64_t sum;

		/* semop will refuse such an operation. */
		if (changes[i].number >= (int64_t)nsems || ABS(changes[i].by) > SEMVMX_LINUX)
			continue;
		sum = adjusted[changes[i].number] + (back ? changes[i].by : -changes[i].by);
		fits = back || (sum >= -SEMVMX_LINUX - 1 && sum <= SEMVMX_LINUX);
		if (fits)
			adjusted[changes[i].number] = (int)sum;
	}
	if (!fits) {
		for (i--; i-- > 0;)
			if (changes[i].number < (int64_t)nsems && ABS(changes[i].by) <= SEMVMX_LINUX)
				adjusted[changes[i].number] += (int)changes[i].by;
	}
	g_mutex_unlock(&lock);
	return fits;
}

/*
 * Records first, while the operation can still be refused. The handle is not closed before its last operation has ended, so that
 * undo_close() sees no half-done operation.
 */
static int undo_operate(Handle *handle, const SemaphoreChange *changes, size_t count, BlockMode block)
{
	int result = make_adjustments(handle);

	if (result < 0)
		return result;
	if (!record_changes(handle, changes, count, false))
		return refuse(ERANGE, "adjustment of a semaphore would exceed %d: close the file to undo",
			      SEMVMX_LINUX);
	result = operate_set(handle, changes, count, block);
	if (result < 0)
		record_changes(handle, changes, count, true);
	return result;
}

/* Applies all adjustments in one semop, as the kernel does, or else each as far as its range allows. */
static void undo_close(Handle *handle)
{
	size_t nsems, count = 0;
	const int *adjusted = adjustments(handle, &nsems);
	g_autofree struct sembuf *ops = adjusted ? g_new(struct sembuf, nsems) : NULL;

	for (size_t i = 0; i < nsems; i++)
		if (adjusted[i])
			ops[count++] = (struct sembuf){(unsigned short)i, (short)adjusted[i], IPC_NOWAIT};
	if (count == 0 || (count <= (size_t)changes_max() && semop((int)handle->object.id, ops, count) == 0))
		return;
	for (size_t i = 0; i < count; i++)
		adjust(&handle->object, ops[i].sem_num, ops[i].sem_op);
}

const Semaphore sysv_sem_undo = {.set = true, .operate = undo_operate, .could = could_operate, .close = undo_close};
