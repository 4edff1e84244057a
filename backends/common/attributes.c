/* The operations of attribute files: see attributes.h. */
#include "backends/common/attributes.h"

#include <errno.h>
#include <string.h>

#include "backends/core/text.h"

void attribute_print_int(const void *value, GString *out)
{
	text_number(out, *(const int *)value);
}

void attribute_print_int64(const void *value, GString *out)
{
	text_number(out, *(const int64_t *)value);
}

void attribute_print_ulong(const void *value, GString *out)
{
	g_string_append_printf(out, "%lu\n", *(const unsigned long *)value);
}

void attribute_print_id(const void *value, GString *out)
{
	text_number(out, *(const uid_t *)value);
}

void attribute_print_mode(const void *value, GString *out)
{
	g_string_append_printf(out, "%04o\n", *(const mode_t *)value);
}

void attribute_print_time(const void *value, GString *out)
{
	text_time(out, *(const time_t *)value);
}

/* Returns the attribute that the file shows. The table must have it. */
static const Attribute *attribute_of(const FileDesc *desc)
{
	const AttributeSet *set = desc->mechanism;
	const Attribute *attribute = set->attributes;

	while (strcmp(attribute->name, desc->name) != 0)
		attribute++;
	return attribute;
}

/* Prints the value of one attribute. */
static void print_value(const Attribute *attribute, const void *snapshot, GString *out)
{
	attribute->print((const char *)snapshot + attribute->offset, out);
}

static void print_status(const AttributeSet *set, const void *snapshot, GString *out)
{
	for (const Attribute *attribute = set->attributes; attribute->name; attribute++) {
		const size_t start = out->len;
		size_t end;

		if (attribute->file_only)
			continue;
		g_string_append_c(out, g_ascii_toupper(attribute->name[0]));
		g_string_append_printf(out, "%s:\t", attribute->name + 1);
		end = out->len;
		print_value(attribute, snapshot, out);
		if (out->len == end)
			g_string_truncate(out, start);
	}
}

static int attribute_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	const AttributeSet *set = desc->mechanism;
	g_autofree void *snapshot = g_malloc0(set->size);
	int result = set->load(object, snapshot);

	if (result < 0)
		return result;
	if (desc->text == &attribute_status || desc->text == &attribute_slow_status)
		print_status(set, snapshot, out);
	else
		print_value(attribute_of(desc), snapshot, out);
	if (set->unload)
		set->unload(snapshot);
	return 0;
}

static int attribute_store(const FileDesc *desc, const Object *object, const char *text)
{
	const Attribute *attribute = attribute_of(desc);

	return attribute->store ? attribute->store(object, text) : -EACCES;
}

const TextOps attribute_text = {.show = attribute_show, .store = attribute_store};
const TextOps attribute_slow_text = {.show = attribute_show, .store = attribute_store, .slow = true};
const TextOps attribute_status = {.show = attribute_show};
const TextOps attribute_slow_status = {.show = attribute_show, .slow = true};
