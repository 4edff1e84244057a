/*
 * Closed files that still have something to send: how many each user has, and the limit on that.
 *
 * The data of a closed file may wait for ever, and none of it is dropped. No process of its user stands for it any
 * more, so no other limit applies. A user with 1024 such files cannot open more of their kind for writing.
 * Root can.
 *
 * Callers: stream.c before such an open; request.c when a FINISH begins and ends to wait.
 */
#pragma once

#include <sys/types.h>

/* 0, or -ENFILE with the refusal noted. */
int finishing_check(uid_t uid);

void finishing_add(uid_t uid);
void finishing_remove(uid_t uid);
