#include "backends/core/handover.h"

static size_t hand_nobody(const int64_t key[4], int fd, const char *data, size_t size, size_t whole)
{
	return 0;
}

static size_t take_nothing(const int64_t key[4], int fd, char *buf, size_t size, size_t whole)
{
	return 0;
}

size_t (*host_transfer_to_reader)(const int64_t key[4], int fd, const char *data, size_t size,
				  size_t whole) = hand_nobody;
size_t (*host_transfer_from_writer)(const int64_t key[4], int fd, char *buf, size_t size, size_t whole) = take_nothing;
