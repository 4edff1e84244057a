/* A queue in memory, under the files of backends/common/queue.h. There is one; fake_reset() begins each test. */
#pragma once

#include "backends/common/queue.h"

typedef struct FakeQueue {
	GQueue messages; /* Message */
	size_t largest;  /* bytes a message may have */
	int room;        /* messages that may still be sent before -EAGAIN; -1: any number */
	int fails;       /* if not 0: the negative errno of every receive and send */
	int64_t mark;    /* of messages written without one */
	bool ends;       /* where it is empty, it is at its end */
	int closed;      /* how often close() was called */
} FakeQueue;

typedef struct Message {
	int64_t mark;
	GString *bytes;
} Message;

enum {
	FAKE_MARK_MIN = 1,
	FAKE_MARK_MAX = 1000000,
	FAKE_WHOLE_WRITE = 4096 /* what host_settings() says */
};

extern FakeQueue fake;

void fake_reset(void);

/* An open file of the queue. */
Handle fake_open(const StreamOps *ops, int flags);
void fake_close(Handle *handle);

void fake_put(int64_t mark, const char *bytes, size_t length);

/* Takes the oldest message, which must be this one. */
void fake_expect(int64_t mark, const char *bytes, size_t length);
void fake_expect_text(const char *text);
void fake_expect_nothing(void);

/* Writes as fs/ does: what a try leaves is tried again at once; returns what write(2) would. */
ssize_t fake_write(Handle *handle, const char *bytes, size_t length);
ssize_t fake_write_text(Handle *handle, const char *text);

/* One read of at most `size` bytes, which must not write behind them; must give `expected`. */
void fake_expect_read(Handle *handle, size_t size, const char *expected);

/* All that reads of `size` bytes give until there is no more, or the end. */
GString *fake_read_all(Handle *handle, size_t size);

/*
 * Writes `input` cut in every way (at each byte, at each pair of bytes, at random), to a queue that takes everything at
 * once and to one that is full again and again; check() looks at the messages, which must be the same each time.
 */
void fake_write_any_cut(const StreamOps *ops, const char *input, size_t length, void (*check)(void));
