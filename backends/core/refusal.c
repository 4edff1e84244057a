/*
 * Refusals: see refusal.h.
 *
 * Locking: "the refusal lock" guards `last`. The table has at most USERS_MAX users. A further user clears it, because a reason is useful
 * only shortly after the refusal.
 */
#include "backends/core/refusal.h"

#include <errno.h>
#include <string.h>

enum { USERS_MAX = 4096 };

static GMutex lock;
static GHashTable *last; /* Protected by the refusal lock. uid -> text, owned. */

static _Thread_local char note[512];
static _Thread_local bool repeats;

int refuse(int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_vsnprintf(note, sizeof note, format, args);
	va_end(args);
	repeats = false;
	return -error;
}

int refuse_descriptor(int error)
{
	if (error != EMFILE && error != ENFILE)
		return -error;
	return refuse(ENFILE, "the daemon has no descriptor left: close files in the tree, or remove objects");
}

int refusal_repeat(int error)
{
	note[0] = '\0';
	repeats = true;
	return -error;
}

bool refusal_noted(void)
{
	return note[0] != '\0';
}

const char *refusal_note(void)
{
	return note;
}

void refusal_forget(void)
{
	note[0] = '\0';
	repeats = false;
}

/* The reason for an error without a note. */
static const char *error_text(int error)
{
	return error == EIDRM ? "the object was removed after the file was opened: close the file" : strerror(error);
}

void refusal_keep(uid_t uid, const char *what, int error)
{
	const char *name = strerrorname_np(error);
	char *text;

	if (repeats) {
		refusal_forget();
		return;
	}
	text = g_strdup_printf("%s: %s: %s\n", what, name ? name : "error", note[0] ? note : error_text(error));
	refusal_forget();
	g_mutex_lock(&lock);
	if (!last)
		last = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	if (g_hash_table_size(last) >= USERS_MAX)
		g_hash_table_remove_all(last);
	g_hash_table_insert(last, GUINT_TO_POINTER(uid), text);
	g_mutex_unlock(&lock);
}

void refusal_print(uid_t uid, GString *out)
{
	const char *text;

	g_mutex_lock(&lock);
	text = last ? g_hash_table_lookup(last, GUINT_TO_POINTER(uid)) : NULL;
	if (text)
		g_string_append(out, text);
	g_mutex_unlock(&lock);
}
