/*
 * Why something was refused, in words: what `cat /ipc/why` prints to the user who met the refusal.
 *
 * A mechanism that knows more than an errno says so with refuse() just before it returns; fs/ adds what was tried and
 * keeps it for that user with refusal_keep(). A file system sees many refusals that nobody asked about (a shell that looks
 * for a name before making it), so only what fs/ keeps is shown.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include <glib.h>

/* Notes the reason on this thread and returns -error, so that it can be returned itself. */
int refuse(int error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The same for what is refused only because of an earlier refusal: what `why` says of that one stays. */
int refusal_repeat(int error);

/* Whether there is a note on this thread; and what it says, until the next one. */
bool refusal_noted(void);
const char *refusal_note(void);

/* Forgets this thread's note. */
void refusal_forget(void);

/* Keeps "what: ERRNO: reason" as the last refusal of `uid`. Takes this thread's note, or says what errno `error` means. */
void refusal_keep(uid_t uid, const char *what, int error);

/* Prints the last refusal of `uid`, a line, or nothing if there was none. */
void refusal_print(uid_t uid, GString *out);
