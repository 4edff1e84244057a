/*
 * Tables of plain records of one size.
 *
 * A record never moves. Its slot (1, 2, …) names it, and a free slot is used again. The records are in memory of the
 * table's own, apart from the heap, so that they can outlive the process (docs/architecture.md, "Surviving a crash").
 *
 * Callers: inode.c and file.c, on any thread.
 *
 * Locking: the lock of a table guards its free list. No other lock is taken under it. The user of a record guards the
 * record.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct Table Table;

/* A table of at most `most` records of `size` bytes. It reserves the address space at once. Never NULL. */
Table *table_new(size_t size, uint32_t most);

/* A new record, all zero, and its slot; NULL: the table is full. */
void *table_add(Table *table, uint32_t *slot);

/* Frees a record and its slot. */
void table_drop(Table *table, uint32_t slot);

/* The record of a slot that is in use. */
void *table_at(Table *table, uint32_t slot);
