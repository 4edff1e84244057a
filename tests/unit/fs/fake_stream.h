/*
 * A fake mechanism for unit tests of fs/: streams on one kernel pipe, the *channel*, that wait in each of the ways that Wait knows.
 * fake_stream_start() starts fs/ on a tree of them, without a mount.
 */
#pragma once

#include "fs/file.h"
#include "tests/unit/fs/fake_fuse.h"

/* How a stream waits; FileDesc.which of the names below. */
typedef enum FakeHow {
	FAKE_FD = 1, /* "fd": for the descriptor */
	FAKE_KEY,    /* "key": for a key that fake_wake() wakes */
	FAKE_READY,  /* "ready": a worker sleeps until the channel is ready */
	FAKE_CALL,   /* "call": a worker makes the call */
	FAKE_STUCK,  /* "stuck": the same, which no signal ends: only fake_release() does */
	FAKE_PIPE,   /* "pipe": both ends are in the tree */
	FAKE_LAST    /* one more than the last */
} FakeHow;

/* The calls that the mechanism got, and the answers that it gives. */
extern struct FakeStream {
	int channel[2];
	int reads, writes, opens, finishes, closes, cancels, give_ups; /* calls; atomic */
	bool refuses_open;                                             /* open and finish say "not now" */
	int sleeping;                                                  /* threads in a call that sleeps; atomic */
	void (*after_read)(void); /* called once, at the end of the next read of the channel */
} fake_stream;

/* Starts fs/: tables, workers, and the watching thread; on the fake tree, or on another one. Once. */
void fake_stream_start(void);
void fake_stream_start_at(const FileDesc *tree);

/* A new channel, and all counts 0. */
void fake_stream_reset(void);

void fake_fill(const char *bytes);
size_t fake_drain(char *bytes, size_t size);
void fake_wake(void);
void fake_release(void);

/* An open file of such a stream, as the kernel would have it after OPEN. */
File *fake_file(FakeHow how, int flags);

/* Waits until *counter is at least `value`. */
void fake_reach(const int *counter, int value);
