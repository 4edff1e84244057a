/*
 * A table of plain records of one size. A record never moves, its slot (1, 2, …) names it, and slots are used again. The
 * records are in memory of the table's own, apart from the heap, so that they can be kept when the process is not.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct Table Table;

/* Room for `most` records of `size` bytes. Address space is taken at once, memory as it is used. Never NULL. */
Table *table_new(size_t size, uint32_t most);

/* A record, all zero, and its slot; NULL when the table is full. */
void *table_add(Table *table, uint32_t *slot);

/* Ends a record. Its slot is free from now on. */
void table_drop(Table *table, uint32_t slot);

/* The record in a slot that table_add() has given. */
void *table_at(Table *table, uint32_t slot);
