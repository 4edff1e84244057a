/*
 * Refusals: the reason for an error in words, which `cat /ipc/why` prints to the user that got the error.
 *
 * A function of a mechanism calls refuse() just before it returns an error. That notes the reason on the calling thread. fs/
 * then calls refusal_keep(), which keeps the reason as the user's last refusal. fs/ does not keep every error: a shell, for
 * example, looks up a name before it makes it, and that ENOENT is of no interest.
 *
 * The notes belong to the thread. The last refusals are protected by the refusal lock.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include <glib.h>

/* Notes the reason on this thread. Returns -error, so that the caller can return the result. */
int refuse(int error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/*
 * The same after the daemon itself could not open a descriptor. EMFILE would name the descriptors of the caller, so EMFILE and
 * ENFILE both give -ENFILE with the reason noted. Another error gives -error without a note.
 */
int refuse_descriptor(int error);

/* Returns -error for an error that follows from an earlier refusal: the user's last refusal then stays. */
int refusal_repeat(int error);

/* Whether this thread has a note, and the text of it, which is valid until the next note. */
bool refusal_noted(void);
const char *refusal_note(void);

/* Drops this thread's note. */
void refusal_forget(void);

/* Keeps "what: ERRNO: reason" as the last refusal of `uid`. The reason is this thread's note, or else the words for `error`. */
void refusal_keep(uid_t uid, const char *what, int error);

/* Appends the last refusal of `uid`, one line, or nothing if there was none. */
void refusal_print(uid_t uid, GString *out);
