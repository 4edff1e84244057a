/*
 * The values in options/ of a conversation (options.h).
 *
 * conversation.c and operation.c call these functions, and option_files.c for the files.
 *
 * Locking: `lock`, the options lock, protects the Options of every conversation. It is held across no system call: the
 * options are copied first.
 */
#include "backends/socket/options.h"

#include <errno.h>
#include <string.h>

#include "backends/core/credentials.h"
#include "backends/socket/option.h"

enum { BACKLOG = 4096 /* net.core.somaxconn, which bounds it, has the same default */, GROUPS_MAX = 64 };

static GMutex lock;

/* -- Values -------------------------------------------------------------------------------------------------------- */

void options_clear(Options *options)
{
	if (options->groups)
		g_ptr_array_unref(options->groups);
	*options = (Options){0};
}

/* The index of a group; -1: it was not joined. Called with lock held. */
static int group_index(const Options *options, const char *text)
{
	for (guint i = 0; options->groups && i < options->groups->len; i++)
		if (strcmp(options->groups->pdata[i], text) == 0)
			return (int)i;
	return -1;
}

/* Called with lock held. */
static int remember_group(Options *options, const Option *option, const char *text)
{
	int index = group_index(options, text);

	if (option->form == LEAVE && index >= 0)
		g_ptr_array_remove_index(options->groups, (guint)index);
	if (option->form == LEAVE || index >= 0)
		return 0;
	if (!options->groups)
		options->groups = g_ptr_array_new_with_free_func(g_free);
	if (options->groups->len >= GROUPS_MAX)
		return -ENOBUFS;
	g_ptr_array_add(options->groups, g_strdup(text));
	return 0;
}

int options_remember(Options *options, const Option *option, const OptionValue *value)
{
	int result = 0;

	g_mutex_lock(&lock);
	options->changes++;
	if (option->form == JOIN || option->form == LEAVE) {
		result = remember_group(options, option, value->word);
	} else {
		options->values[option - socket_options].set = true;
		options->values[option - socket_options].number = value->number;
		if (option->form == DEVICE)
			g_strlcpy(options->device, value->word, sizeof options->device);
		if (option->form == OUTGOING)
			g_strlcpy(options->outgoing, value->word, sizeof options->outgoing);
	}
	g_mutex_unlock(&lock);
	return result;
}

Options options_copy(Options *options)
{
	Options copy;

	g_mutex_lock(&lock);
	copy = *options;
	if (copy.groups)
		copy.groups = g_ptr_array_copy(copy.groups, (GCopyFunc)(void (*)(void))g_strdup, NULL);
	g_mutex_unlock(&lock);
	return copy;
}

int options_set(const Options *options, int fd, int family)
{
	for (const Option *option = socket_options; option < socket_options + OPTIONS; option++) {
		const OptionValue value = {
			.number = options->values[option - socket_options].number,
			.word = option->form == DEVICE ? options->device : options->outgoing,
		};
		int result = options->values[option - socket_options].set ? option_set(option, fd, family, &value) : 0;

		if (result < 0)
			return option_refuse(option, -result);
	}
	for (guint i = 0; options->groups && i < options->groups->len; i++) {
		const OptionValue value = {.word = options->groups->pdata[i]};
		int result = option_set(&socket_options[JOINS], fd, family, &value);

		if (result < 0 && result != -EADDRINUSE)
			return option_refuse(&socket_options[JOINS], -result);
	}
	return 0;
}

int options_apply(Options *options, const Socket *socket, unsigned *changes)
{
	Options copy = options_copy(options);
	int result;

	*changes = copy.changes;
	creds_raise();
	result = options_set(&copy, socket->fd, socket->family);
	creds_lower();
	options_clear(&copy);
	return result;
}

bool options_changed(Options *options, unsigned changes)
{
	bool changed;

	g_mutex_lock(&lock);
	changed = options->changes != changes;
	g_mutex_unlock(&lock);
	return changed;
}

static bool get_number(Options *options, int which, int *number)
{
	bool set;

	g_mutex_lock(&lock);
	set = options->values[which].set;
	*number = options->values[which].number;
	g_mutex_unlock(&lock);
	return set;
}

int options_backlog(Options *options)
{
	int number;

	return get_number(options, BACKLOG_SIZE, &number) ? number : BACKLOG;
}

bool options_v6only(Options *options)
{
	int number;

	return get_number(options, V6ONLY, &number);
}
