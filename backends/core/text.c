/* See text.h. */
#include "backends/core/text.h"

void text_number(GString *out, long long value)
{
	g_string_append_printf(out, "%lld\n", value);
}

void text_time(GString *out, time_t when)
{
	struct tm tm;
	char line[64];

	if (when == 0 || !localtime_r(&when, &tm) || !strftime(line, sizeof line, "%FT%T%z\n", &tm))
		g_string_append(out, "never\n");
	else
		g_string_append(out, line);
}

void text_label(GString *out, const char *name)
{
	g_string_append(out, name);
	g_string_append(out, ":\t");
}
