/* The attributes of a System V semaphore set and of each semaphore in it, and status with all of them (semctl(2)). */
#include <errno.h>
#include <string.h>

#include "backends/core/credentials.h"
#include "backends/core/parse.h"
#include "backends/sysv/sem.h"
#include "backends/core/text.h"
#include "backends/core/refusal.h"

/* -- The set -------------------------------------------------------------------------------------------------------- */

static void print_attribute(int which, int64_t id, const struct semid_ds *ds, GString *out)
{
	switch (which) {
	case SEM_KEY:
		g_string_append_printf(out, "0x%08x\n", (unsigned)ds->sem_perm.__key);
		break;
	case SEM_ID:
		text_number(out, id);
		break;
	case SEM_NSEMS:
		text_number(out, (long long)ds->sem_nsems);
		break;
	case SEM_OTIME:
		text_time(out, ds->sem_otime);
		break;
	case SEM_CTIME:
		text_time(out, ds->sem_ctime);
		break;
	default:
		g_assert_not_reached();
	}
}

static int attribute_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	struct semid_ds ds;
	int result = sysv_sem_stat(object, &ds);

	if (result == 0)
		print_attribute(desc->which, object->id, &ds, out);
	return result;
}

static int values_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	size_t nsems;
	int result;
	g_autofree unsigned short *values = sysv_sem_values(object, &nsems, &result);

	if (!values)
		return result;
	for (size_t i = 0; i < nsems; i++)
		g_string_append_printf(out, "%s%u", i ? " " : "", values[i]);
	g_string_append_c(out, '\n');
	return 0;
}

static int status_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	struct semid_ds ds;
	int result = sysv_sem_stat(object, &ds);

	if (result < 0)
		return result;
	const SysvStat stat = {.id = (int)object->id, .perm = ds.sem_perm};

	sysv_print_status(&stat, out);
	text_label(out, "Nsems");
	print_attribute(SEM_NSEMS, object->id, &ds, out);
	text_label(out, "Otime");
	print_attribute(SEM_OTIME, object->id, &ds, out);
	text_label(out, "Ctime");
	print_attribute(SEM_CTIME, object->id, &ds, out);
	text_label(out, "Values");
	return values_show(desc, object, caller, out);
}

/* The numbers in a text, separated by blanks or newlines; NULL if there is anything else, or none. */
static unsigned short *parse_values(const char *text, size_t *count, int *result)
{
	g_autoptr(GArray) values = g_array_new(FALSE, FALSE, sizeof(unsigned short));

	*result = -EINVAL;
	for (const char *word = text + strspn(text, " \t\n"); *word;) {
		size_t length = strcspn(word, " \t\n");
		unsigned short value;
		int64_t n;

		if (length > 20 || !parse_digits(word, (int)length, 0, INT64_MAX, &n))
			return NULL;
		if (n > SEMVMX_LINUX) {
			*result = refuse(ERANGE, "a semaphore's value is at most %d", SEMVMX_LINUX);
			return NULL;
		}
		value = (unsigned short)n;
		g_array_append_val(values, value);
		word += length;
		word += strspn(word, " \t\n");
	}
	if (values->len == 0)
		return NULL;
	*result = 0;
	*count = values->len;
	return (unsigned short *)(void *)g_array_free(g_steal_pointer(&values), FALSE);
}

/* SETALL, as the caller. */
static int values_store(const FileDesc *desc, const Object *object, const char *text)
{
	struct semid_ds ds;
	size_t count;
	int result;
	g_autofree unsigned short *values = parse_values(text, &count, &result);

	if (!values)
		return result == -EINVAL ? refuse(EINVAL, "values are numbers separated by blanks, one a semaphore") :
					   result;
	creds_raise();
	result = sysv_sem_stat(object, &ds);
	creds_lower();
	if (result < 0)
		return result;
	if (count != ds.sem_nsems)
		return sysv_sem_make_anew(object, &ds, values, count);
	if (semctl((int)object->id, 0, SETALL, (union semun){.array = values}) == 0)
		return 0;
	return sysv_sem_removed(errno);
}

const TextOps sysv_sem_attribute = {.show = attribute_show};
const TextOps sysv_sem_values_text = {.show = values_show, .store = values_store};
const TextOps sysv_sem_status = {.show = status_show};

/* -- One semaphore -------------------------------------------------------------------------------------------------- */

static const struct {
	const char *label;
	int command;
} ones[ONE_ATTRIBUTES] = {
	[ONE_VALUE] = {"Value", GETVAL},
	[ONE_NCNT] = {"Ncnt", GETNCNT},
	[ONE_ZCNT] = {"Zcnt", GETZCNT},
	[ONE_PID] = {"Pid", GETPID},
};

static int one_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	int value = sysv_sem_control(object, ones[desc->which].command, 0);

	if (value < 0)
		return value;
	text_number(out, value);
	return 0;
}

static int one_status_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	for (int which = 0; which < ONE_ATTRIBUTES; which++) {
		int value = sysv_sem_control(object, ones[which].command, 0);

		if (value < 0)
			return value;
		text_label(out, ones[which].label);
		text_number(out, value);
	}
	return 0;
}

/* SETVAL, as the caller. */
static int one_store(const FileDesc *desc, const Object *object, const char *text)
{
	int64_t value;

	if (!parse_number(text, 0, INT64_MAX, &value))
		return refuse(EINVAL, "a value is a number; to add or take, write to op");
	if (value > SEMVMX_LINUX)
		return refuse(ERANGE, "a semaphore's value is at most %d", SEMVMX_LINUX);
	return sysv_sem_control(object, SETVAL, (int)value);
}

const TextOps sysv_sem_one_attribute = {.show = one_show};
const TextOps sysv_sem_one_value = {.show = one_show, .store = one_store};
const TextOps sysv_sem_one_status = {.show = one_status_show};
