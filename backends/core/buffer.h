/*
 * Buffers: bytes that an open file keeps between two requests. A zeroed Buffer is empty and owns no memory.
 *
 * fs/ and the streams of mechanisms use the buffers of a Handle. A buffer has no lock: its owner calls one function at a time.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

typedef struct Buffer {
	char *data;
	size_t start, length; /* the bytes held are data[start .. start + length) */
	size_t room;          /* bytes allocated */
} Buffer;

/* Appends a copy of n bytes. */
void buffer_append(Buffer *buffer, const char *bytes, size_t n);

/* Moves up to n bytes from the front to `out`; NULL: drops them. Returns their number. */
size_t buffer_take(Buffer *buffer, char *out, size_t n);

/* Drops all bytes and frees the memory. */
void buffer_clear(Buffer *buffer);

static inline char *buffer_bytes(Buffer *buffer)
{
	return buffer->data + buffer->start;
}
