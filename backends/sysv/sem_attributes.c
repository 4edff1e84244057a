/*
 * The attributes of a System V semaphore set and of each semaphore (sem_attributes.h). fs/ calls the functions through the
 * tables of attributes. There is no lock: each call reads the kernel's state anew.
 */
#include "backends/sysv/sem_attributes.h"

#include <errno.h>
#include <string.h>

#include "backends/core/parse.h"
#include "backends/core/refusal.h"
#include "backends/sysv/sem_call.h"
#include "backends/sysv/sem_resize.h"

/* -- The set ----------------------------------------------------------------------------------------------------------- */

typedef struct Values {
	size_t count;
	unsigned short *values; /* owned */
} Values;

typedef struct SetSnapshot {
	SysvStat stat;
	Values values; /* empty in a snapshot of sysv_sem_attributes */
} SetSnapshot;

static int set_load(const Object *object, void *out)
{
	SetSnapshot *snapshot = out;

	return sysv_load(&sysv_sem_type, object, &snapshot->stat);
}

static int set_load_values(const Object *object, void *out)
{
	SetSnapshot *snapshot = out;
	int result = set_load(object, out);

	if (result == 0)
		snapshot->values.values = sysv_sem_values(object, &snapshot->values.count, &result);
	return result;
}

static void set_unload(void *out)
{
	SetSnapshot *snapshot = out;

	g_free(snapshot->values.values);
}

static void print_values(const void *value, GString *out)
{
	const Values *values = value;

	for (size_t i = 0; i < values->count; i++)
		g_string_append_printf(out, "%s%u", i ? " " : "", values->values[i]);
	g_string_append_c(out, '\n');
}

static int refuse_value(void)
{
	return refuse(ERANGE, "value of a semaphore is above %d: write a smaller one", SEMVMX_LINUX);
}

/* The numbers in a text, separated by blanks or newlines. On failure, NULL and *result is a negative errno with its reason. */
static unsigned short *parse_values(const char *text, size_t *count, int *result)
{
	g_autoptr(GArray) values = g_array_new(FALSE, FALSE, sizeof(unsigned short));

	*result = 0;
	for (const char *word = text + strspn(text, " \t\n"); *word && *result == 0;) {
		size_t length = strcspn(word, " \t\n");
		unsigned short value;
		int64_t number;

		if (length > 20 || !parse_digits(word, (int)length, 0, INT64_MAX, &number)) {
			*result = -EINVAL;
		} else if (number > SEMVMX_LINUX) {
			*result = refuse_value();
		} else {
			value = (unsigned short)number;
			g_array_append_val(values, value);
		}
		word += length;
		word += strspn(word, " \t\n");
	}
	if (*result == -EINVAL || (*result == 0 && values->len == 0))
		*result = refuse(EINVAL, "values are numbers separated by blanks: write one for each semaphore");
	if (*result < 0)
		return NULL;
	*count = values->len;
	return (unsigned short *)(void *)g_array_free(g_steal_pointer(&values), FALSE);
}

/* SETALL, as the caller. */
static int values_store(const Object *object, const char *text)
{
	SysvStat stat;
	size_t count;
	int result;
	g_autofree unsigned short *values = parse_values(text, &count, &result);

	if (!values)
		return result;
	result = sysv_load(&sysv_sem_type, object, &stat);
	if (result < 0)
		return result;
	if (count != stat.sem.sem_nsems)
		return sysv_sem_resize(object, &stat, values, count);
	return semctl(stat.id, 0, SETALL, (union semun){.array = values}) < 0 ? sysv_removed(errno) : 0;
}

static const Attribute set_attributes[] = {
	SYSV_ATTRIBUTES,
	{"nsems", "semaphores", attribute_print_ulong, offsetof(SetSnapshot, stat.sem.sem_nsems)},
	{"otime", "time", attribute_print_time, offsetof(SetSnapshot, stat.sem.sem_otime)},
	{"ctime", "time", attribute_print_time, offsetof(SetSnapshot, stat.sem.sem_ctime)},
	{"values", NULL, print_values, offsetof(SetSnapshot, values), .store = values_store},
	{0},
};

const AttributeSet sysv_sem_attributes = {
	.attributes = set_attributes,
	.size = sizeof(SetSnapshot),
	.load = set_load,
};

const AttributeSet sysv_sem_values_attributes = {
	.attributes = set_attributes,
	.size = sizeof(SetSnapshot),
	.load = set_load_values,
	.unload = set_unload,
};

/* -- One semaphore ----------------------------------------------------------------------------------------------------- */

typedef struct OneSnapshot {
	int value, ncnt, zcnt, pid;
} OneSnapshot;

static int one_load(const Object *object, void *out)
{
	OneSnapshot *snapshot = out;
	const struct {
		int command;
		int *value;
	} commands[] = {
		{GETVAL, &snapshot->value},
		{GETNCNT, &snapshot->ncnt},
		{GETZCNT, &snapshot->zcnt},
		{GETPID, &snapshot->pid},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
		*commands[i].value = sysv_sem_control(object, commands[i].command, 0);
		if (*commands[i].value < 0)
			return *commands[i].value;
	}
	return 0;
}

/* SETVAL, as the caller. */
static int value_store(const Object *object, const char *text)
{
	int64_t value;

	if (!parse_number(text, 0, INT64_MAX, &value))
		return refuse(EINVAL, "value is a number: write a change such as -1 to op");
	return value > SEMVMX_LINUX ? refuse_value() : sysv_sem_control(object, SETVAL, (int)value);
}

static const Attribute one_attributes[] = {
	{"value", NULL, attribute_print_int, offsetof(OneSnapshot, value), .store = value_store},
	{"ncnt", "waiters", attribute_print_int, offsetof(OneSnapshot, ncnt)},
	{"zcnt", "waiters", attribute_print_int, offsetof(OneSnapshot, zcnt)},
	{"pid", "pid", attribute_print_int, offsetof(OneSnapshot, pid)},
	{0},
};

const AttributeSet sysv_sem_one_attributes = {
	.attributes = one_attributes,
	.size = sizeof(OneSnapshot),
	.load = one_load,
};
