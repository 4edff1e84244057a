/* Reading what people write: numbers and words. Outputs are set only on success. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * A decimal number without blanks or sign (a leading '-' where min is negative), min <= n <= max, and nothing after it.
 */
bool parse_number(const char *text, int64_t min, int64_t max, int64_t *out);

/* The same, of the first `length` bytes of text, which need not end with '\0'. */
bool parse_digits(const char *text, int length, int64_t min, int64_t max, int64_t *out);

/* A number of bytes: decimal, or with a suffix K, M, G, T (powers of 1024). */
bool parse_size(const char *text, int64_t min, int64_t max, int64_t *out);

/* "0x" and 1 to 8 hexadecimal digits. */
bool parse_key(const char *text, uint32_t *out);
