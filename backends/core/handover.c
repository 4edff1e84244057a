#include "backends/core/handover.h"

static size_t hand_nobody(const int64_t key[4], int fd, const char *data, size_t size, size_t whole)
{
	(void)key, (void)fd, (void)data, (void)size, (void)whole;
	return 0;
}

static size_t take_nothing(const int64_t key[4], int fd, char *buf, size_t size, size_t whole)
{
	(void)key, (void)fd, (void)buf, (void)size, (void)whole;
	return 0;
}

size_t (*backend_hand)(const int64_t key[4], int fd, const char *data, size_t size, size_t whole) = hand_nobody;
size_t (*backend_take)(const int64_t key[4], int fd, char *buf, size_t size, size_t whole) = take_nothing;
