/*
 * Parsing numbers in text that users write. All functions return false for invalid text, and set *out only on success. Any code
 * may call them; they have no state.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A decimal number with min <= n <= max. Blanks and signs are invalid, except a leading '-' if min is negative. */
bool parse_number(const char *text, int64_t min, int64_t max, int64_t *out);

/* The same for the first `length` bytes of text, which need not end with '\0'. */
bool parse_digits(const char *text, int length, int64_t min, int64_t max, int64_t *out);

/* A number of bytes: a decimal number, with an optional suffix K, M, G or T (powers of 1024). */
bool parse_size(const char *text, int64_t min, int64_t max, int64_t *out);

/* "0x" and 1 to 8 hexadecimal digits. */
bool parse_key(const char *text, uint32_t *out);
