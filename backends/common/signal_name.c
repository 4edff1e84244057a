/* The names of signals: see signal_name.h. */
#include "backends/common/signal_name.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "backends/core/parse.h"

void signal_name(int number, char out[SIGNAL_NAME_MAX])
{
	const char *name = number < SIGNAL_RT_FIRST ? sigabbrev_np(number) : NULL;

	if (name)
		g_strlcpy(out, name, SIGNAL_NAME_MAX);
	else if (number == SIGNAL_RT_FIRST)
		g_strlcpy(out, "RTMIN", SIGNAL_NAME_MAX);
	else if (number == SIGNAL_LAST)
		g_strlcpy(out, "RTMAX", SIGNAL_NAME_MAX);
	else if (number > SIGNAL_RT_FIRST && number < SIGNAL_LAST)
		snprintf(out, SIGNAL_NAME_MAX, "RTMIN+%d", number - SIGNAL_RT_FIRST);
	else
		snprintf(out, SIGNAL_NAME_MAX, "%d", number);
}

const char *signal_meaning(int number)
{
	const char *meaning = number < SIGNAL_RT_FIRST ? sigdescr_np(number) : "Real-time signal";

	return meaning ? meaning : "Used by the C library";
}

/* Parses RTMIN+N and RTMAX-N. */
static int parse_real_time(const char *text, int length)
{
	static const struct {
		const char *word;
		int base, direction;
		char sign;
	} ends[] = {{"RTMIN", SIGNAL_RT_FIRST, 1, '+'}, {"RTMAX", SIGNAL_LAST, -1, '-'}};
	int64_t steps = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
		if (length < 5 || g_ascii_strncasecmp(text, ends[i].word, 5) != 0)
			continue;
		if (length > 5 && (text[5] != ends[i].sign ||
				   !parse_digits(text + 6, length - 6, 0, SIGNAL_LAST - SIGNAL_RT_FIRST, &steps)))
			return -1;
		return ends[i].base + ends[i].direction * (int)steps;
	}
	return -1;
}

static bool is_word(const char *word, const char *text, int length)
{
	return word && strlen(word) == (size_t)length && g_ascii_strncasecmp(word, text, length) == 0;
}

int signal_parse(const char *text, int length)
{
	static const struct {
		const char *name;
		int number;
	} aliases[] = {{"IOT", SIGIOT}, {"CLD", SIGCHLD}, {"IO", SIGIO}};
	int64_t number;

	if (length <= 2 && parse_digits(text, length, 0, SIGNAL_LAST, &number))
		return (int)number;
	if (length > 3 && g_ascii_strncasecmp(text, "SIG", 3) == 0) {
		text += 3;
		length -= 3;
	}
	for (int i = 1; i < SIGNAL_RT_FIRST; i++)
		if (is_word(sigabbrev_np(i), text, length))
			return i;
	for (size_t i = 0; i < G_N_ELEMENTS(aliases); i++)
		if (is_word(aliases[i].name, text, length))
			return aliases[i].number;
	return parse_real_time(text, length);
}

void signal_print_mask(GString *out, uint64_t mask, char after)
{
	for (int number = 1; number <= SIGNAL_LAST; number++) {
		char name[SIGNAL_NAME_MAX];

		if (!signal_in_mask(mask, number))
			continue;
		signal_name(number, name);
		g_string_append(out, name);
		g_string_append_c(out, after);
	}
}
