/* Bytes that stay with an open file between two requests. All zero is an empty buffer that owns nothing. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

typedef struct Buffer {
	char *data;
	size_t start, length; /* the bytes held are data[start .. start + length) */
	size_t room;          /* bytes allocated */
} Buffer;

/* Appends n bytes. The copy is the buffer's. */
void buffer_append(Buffer *buffer, const char *bytes, size_t n);

/* Moves up to n bytes from the front to `out` (may be NULL: they are dropped). Returns how many. */
size_t buffer_take(Buffer *buffer, char *out, size_t n);

/* Drops everything held and gives the memory back. */
void buffer_clear(Buffer *buffer);

static inline char *buffer_bytes(Buffer *buffer)
{
	return buffer->data + buffer->start;
}
