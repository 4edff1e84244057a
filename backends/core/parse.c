/* See parse.h. */
#include "backends/core/parse.h"

#include <string.h>

#include <glib.h>

bool parse_digits(const char *text, int length, int64_t min, int64_t max, int64_t *out)
{
	bool negative = length > 0 && text[0] == '-' && min < 0;
	int64_t n = 0;

	if (length <= negative)
		return false;
	for (int i = negative; i < length; i++) {
		int digit = text[i] - '0';

		if (digit < 0 || digit > 9)
			return false;
		if (__builtin_mul_overflow(n, 10, &n) ||
		    (negative ? __builtin_sub_overflow(n, digit, &n) : __builtin_add_overflow(n, digit, &n)))
			return false;
	}
	if (n < min || n > max)
		return false;
	*out = n;
	return true;
}

bool parse_number(const char *text, int64_t min, int64_t max, int64_t *out)
{
	size_t length = strlen(text);

	return length <= 20 && parse_digits(text, (int)length, min, max, out);
}

bool parse_size(const char *text, int64_t min, int64_t max, int64_t *out)
{
	static const char suffixes[] = "KMGT";
	size_t length = strlen(text);
	const char *suffix = length ? strchr(suffixes, g_ascii_toupper(text[length - 1])) : NULL;
	int64_t n;

	if (length > 20)
		return false;
	if (!suffix)
		return parse_number(text, min, max, out);
	if (!parse_digits(text, (int)length - 1, 0, INT64_MAX, &n) ||
	    __builtin_mul_overflow(n, INT64_C(1) << (10 * (suffix - suffixes + 1)), &n) || n < min || n > max)
		return false;
	*out = n;
	return true;
}

bool parse_key(const char *text, uint32_t *out)
{
	uint32_t key = 0;
	size_t length = strlen(text);

	if (length < 3 || length > 10 || text[0] != '0' || text[1] != 'x')
		return false;
	for (const char *p = text + 2; *p; p++) {
		int digit = g_ascii_xdigit_value(*p);

		if (digit < 0)
			return false;
		key = key << 4 | (uint32_t)digit;
	}
	*out = key;
	return true;
}
