/* See buffer.h. */
#include "backends/core/buffer.h"

#include <string.h>

#include <glib.h>

void buffer_append(Buffer *buffer, const char *bytes, size_t n)
{
	if (!n)
		return;
	if (buffer->start + buffer->length + n > buffer->room) {
		size_t room = MAX(buffer->length + n, 2 * buffer->length);
		char *data = g_malloc(room);

		if (buffer->length)
			memcpy(data, buffer_bytes(buffer), buffer->length);
		g_free(buffer->data);
		buffer->data = data;
		buffer->start = 0;
		buffer->room = room;
	}
	memcpy(buffer_bytes(buffer) + buffer->length, bytes, n);
	buffer->length += n;
}

size_t buffer_take(Buffer *buffer, char *out, size_t n)
{
	n = MIN(n, buffer->length);
	if (out && n)
		memcpy(out, buffer_bytes(buffer), n);
	buffer->start += n;
	buffer->length -= n;
	if (buffer->length == 0)
		buffer->start = 0;
	return n;
}

void buffer_clear(Buffer *buffer)
{
	g_free(buffer->data);
	*buffer = (Buffer){0};
}
