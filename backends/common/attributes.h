/*
 * Attributes: values of an object. Each has a text file, and `status` prints all of them, one line for each.
 *
 * A mechanism describes its attributes in a table, and the snapshot of an object in an AttributeSet. Its files then refer to the
 * set: ATTRIBUTE("qnum", 0444, &set), STATUS(&set). fs/ calls attribute_text and the other operations. They take one snapshot for
 * each file that is shown, so that all lines of status agree. They hold no lock.
 */
#pragma once

#include "backends/core/backend.h"

/* One attribute. Its file has the same name. Its line in status has the name with a capital letter. */
typedef struct Attribute {
	const char *name;
	const char *unit; /* "bytes", "messages", "pid", "time", …; NULL: a plain number, or words */
	void (*print)(const void *value,
		      GString *out); /* prints the value and a newline; or nothing: no line in status */
	size_t offset;               /* of the value in the snapshot, in bytes */
	int (*store)(const Object *object, const char *text); /* as TextOps.store; NULL: read only */
	bool file_only;                                       /* has no line in status */
} Attribute;

/* Functions for Attribute.print, by the type of the value. */
void attribute_print_int(const void *value, GString *out);   /* int, pid_t */
void attribute_print_int64(const void *value, GString *out); /* int64_t */
void attribute_print_ulong(const void *value, GString *out); /* unsigned long, size_t */
void attribute_print_id(const void *value, GString *out);    /* uid_t, gid_t */
void attribute_print_mode(const void *value, GString *out);  /* mode_t: four octal digits */
void attribute_print_time(const void *value, GString *out);  /* time_t: see text_time() */

typedef struct AttributeSet {
	const Attribute *attributes; /* in the order of status; the last one has no name */
	size_t size;                 /* of a snapshot, in bytes */
	/* Fills a snapshot, which is zero at first. Returns 0, or a negative errno and then owns nothing in the snapshot. */
	int (*load)(const Object *object, void *snapshot);
	void (*unload)(void *snapshot); /* frees the content of a snapshot; NULL: it owns nothing */
} AttributeSet;

extern const TextOps attribute_text, attribute_slow_text, attribute_status, attribute_slow_status;

/* Rows of a FileDesc table. SLOW_: loading or storing takes long and runs on a worker thread. */
#define ATTRIBUTE(file, bits, set)                                                                  \
	{                                                                                           \
		.name = file, .kind = TEXT, .mode = bits, .text = &attribute_text, .mechanism = set \
	}
#define SLOW_ATTRIBUTE(file, bits, set)                                                                  \
	{                                                                                                \
		.name = file, .kind = TEXT, .mode = bits, .text = &attribute_slow_text, .mechanism = set \
	}
#define STATUS(set)                                                                                       \
	{                                                                                                 \
		.name = "status", .kind = TEXT, .mode = 0444, .text = &attribute_status, .mechanism = set \
	}
#define SLOW_STATUS(set)                                                                                       \
	{                                                                                                      \
		.name = "status", .kind = TEXT, .mode = 0444, .text = &attribute_slow_status, .mechanism = set \
	}
