/*
 * Handing over: a stream of bytes both of whose ends are here (StreamOps.other_end) may spare the kernel's buffer when that is
 * empty and somebody waits at the other end. fs/ supplies both functions. They move bytes between the memory of the request
 * under way and that of the first one that waits with WAIT_FD and this key, and answer that one if it is done.
 *
 * `fd` is the buffer's descriptor, for FIONREAD. `whole`: a write of no more than that is moved whole or not at all (PIPE_BUF).
 *
 * Both return how many bytes were moved; 0: nobody waits there, or it is not to be done now.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* In write(): to a reader. */
extern size_t (*host_transfer_to_reader)(const int64_t key[4], int fd, const char *data, size_t size, size_t whole);

/* In read(): from a writer. */
extern size_t (*host_transfer_from_writer)(const int64_t key[4], int fd, char *buf, size_t size, size_t whole);
