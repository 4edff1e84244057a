/* Tables of records of one size (table.h, with callers and locks). */
#include "fs/table.h"

#include <string.h>
#include <sys/mman.h>

#include <glib.h>

enum { GROW = 1 << 18 }; /* bytes of memory added at a time */

struct Table {
	char *base;
	size_t size;
	uint32_t most;

	GMutex lock;

	/* Protected by lock. */
	uint32_t end;    /* slots below it have been used */
	size_t usable;   /* bytes that are mapped for access */
	uint32_t unused; /* the first free slot, 0: none; a free record begins with the next one */
};

Table *table_new(size_t size, uint32_t most)
{
	Table *table = g_new0(Table, 1);

	table->size = (size + 15) & ~(size_t)15;
	table->most = most;
	table->end = 1;
	table->base =
		/* whole steps of growth, so that the last step stays inside the mapping */
		mmap(NULL, (table->size * ((size_t)most + 1) + GROW - 1) & ~(size_t)(GROW - 1), PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (table->base == MAP_FAILED)
		g_error("no address space for a table of %u records", most);
	return table;
}

void *table_at(Table *table, uint32_t slot)
{
	return table->base + table->size * slot;
}

/* Adds memory for one more slot. Called with lock held. */
static int grow_table(Table *table)
{
	size_t needed = table->size * ((size_t)table->end + 1);
	size_t more;

	if (needed <= table->usable)
		return 0;
	more = (needed - table->usable + GROW - 1) & ~(size_t)(GROW - 1);
	if (mprotect(table->base + table->usable, more, PROT_READ | PROT_WRITE))
		return -1;
	table->usable += more;
	return 0;
}

void *table_add(Table *table, uint32_t *slot)
{
	void *record = NULL;

	g_mutex_lock(&table->lock);
	if (table->unused) {
		*slot = table->unused;
		record = table_at(table, *slot);
		memcpy(&table->unused, record, sizeof table->unused);
	} else if (table->end <= table->most && grow_table(table) == 0) {
		*slot = table->end++;
		record = table_at(table, *slot);
	}
	g_mutex_unlock(&table->lock);
	if (record)
		memset(record, 0, table->size);
	return record;
}

void table_drop(Table *table, uint32_t slot)
{
	g_mutex_lock(&table->lock);
	memcpy(table_at(table, slot), &table->unused, sizeof table->unused);
	table->unused = slot;
	g_mutex_unlock(&table->lock);
}
