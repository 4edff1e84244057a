/* Unit tests of fs/table.c. */
#include "fs/table.h"

#include <string.h>

#include <glib.h>

/* All tables. A table cannot be freed; this array keeps a pointer to each, so that LeakSanitizer does not report it. */
static GPtrArray *tables;

static Table *make_table(size_t size, uint32_t most)
{
	Table *table = table_new(size, most);

	g_ptr_array_add(tables, table);
	return table;
}

static void assert_zero(const char *record, size_t size)
{
	for (size_t i = 0; i < size; i++)
		g_assert_cmpint(record[i], ==, 0);
}

static void test_slots(void)
{
	Table *table = make_table(40, 100);
	uint32_t slot;

	/* Slots begin at 1: a slot of 0 means "none". */
	for (uint32_t i = 1; i <= 100; i++) {
		char *record = table_add(table, &slot);

		g_assert_nonnull(record);
		g_assert_cmpuint(slot, ==, i);
		g_assert_true(record == table_at(table, slot));
		memset(record, 'x', 40);
	}
	for (uint32_t i = 1; i <= 100; i++)
		for (int byte = 0; byte < 40; byte++)
			g_assert_cmpint(((char *)table_at(table, i))[byte], ==, 'x');
}

static void test_full(void)
{
	Table *table = make_table(24, 3);
	uint32_t slots[3], slot = 4711;

	for (int i = 0; i < 3; i++)
		g_assert_nonnull(table_add(table, &slots[i]));
	g_assert_null(table_add(table, &slot));
	table_drop(table, slots[1]);
	g_assert_nonnull(table_add(table, &slot));
	g_assert_cmpuint(slot, ==, slots[1]);
	g_assert_null(table_add(table, &slot));
}

static void test_zeroed(void)
{
	enum { SIZE = 100 };
	Table *table = make_table(SIZE, 10);
	uint32_t slot, again;
	char *record = table_add(table, &slot);

	assert_zero(record, SIZE);
	memset(record, 'x', SIZE);
	table_drop(table, slot);
	record = table_add(table, &again);
	g_assert_cmpuint(again, ==, slot);
	assert_zero(record, SIZE);
}

/* Records keep their addresses while the table grows. */
static void test_grows(void)
{
	enum { SIZE = 500, MANY = 5000 };
	Table *table = make_table(SIZE, 1 << 20);
	uint32_t slot;
	char *first = table_add(table, &slot);

	strcpy(first, "first");
	for (int i = 1; i < MANY; i++) {
		char *record = table_add(table, &slot);

		assert_zero(record, SIZE);
		memset(record, 'x', SIZE);
	}
	g_assert_true(first == table_at(table, 1));
	g_assert_cmpstr(first, ==, "first");
	for (uint32_t i = 1; i <= MANY; i++)
		table_drop(table, i);
	for (int i = 0; i < MANY; i++) {
		table_add(table, &slot);
		g_assert_cmpuint(slot, <=, MANY);
	}
}

/* A table of any size accepts exactly `most` records, and writes to no memory of another table. */
static void test_most(void)
{
	static const uint32_t most[] = {1, 2, 63, 4096, 8191, 8192, 20000};

	for (size_t i = 0; i < G_N_ELEMENTS(most); i++) {
		Table *table = make_table(48, most[i]);
		uint32_t slot, n = 0;

		while (table_add(table, &slot))
			n++;
		g_assert_cmpuint(n, ==, most[i]);
	}
}

enum { THREADS = 8, HELD = 50, ROUNDS = 20000 };

/* Each thread writes its number into its records, and must find no other number in them. */
static void *add_and_drop(void *data)
{
	Table *table = g_ptr_array_index(tables, tables->len - 1);
	uint32_t held[HELD] = {0};

	for (int i = 0; i < ROUNDS; i++) {
		uint32_t *slot = &held[i * 7 % HELD];

		if (*slot) {
			void **record = table_at(table, *slot);

			g_assert_true(record[0] == data && record[3] == data);
			table_drop(table, *slot);
			*slot = 0;
		} else {
			void **record = table_add(table, slot);

			g_assert_nonnull(record);
			g_assert_true(!record[0] && !record[3]);
			record[0] = record[3] = data;
		}
	}
	return NULL;
}

static void test_threads(void)
{
	GThread *threads[THREADS];

	make_table(4 * sizeof(void *), THREADS * HELD);
	for (int i = 0; i < THREADS; i++)
		threads[i] = g_thread_new(NULL, add_and_drop, GINT_TO_POINTER(i + 1));
	for (int i = 0; i < THREADS; i++)
		g_thread_join(threads[i]);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	tables = g_ptr_array_new();
	g_test_add_func("/table/slots", test_slots);
	g_test_add_func("/table/full", test_full);
	g_test_add_func("/table/zeroed", test_zeroed);
	g_test_add_func("/table/grows", test_grows);
	g_test_add_func("/table/most", test_most);
	g_test_add_func("/table/threads", test_threads);
	return g_test_run();
}
