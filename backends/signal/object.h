/*
 * The objects of signal/: processes, threads, process groups and inboxes.
 *
 * The Object of a process, thread or group describes it as it was when its name was looked up: `id` is its number, and `part`
 * the time when it (of a group: its leader) started. The Object therefore never refers to a later process with the same number.
 */
#pragma once

/* Object.select: the kind of the object. Above 0: a thread, of the process with this number. */
enum { SIGNAL_PROCESS = 0, SIGNAL_GROUP = -1, SIGNAL_INBOX = -2 };
