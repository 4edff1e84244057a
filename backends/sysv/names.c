/*
 * Locking: `lock` guards everything here, over reads and writes of the file as well: they are small, local, and rare. The
 * lock file keeps out other daemons; only the daemon's user can open it, so nobody else can hold it.
 */
#include "backends/sysv/names.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "backends/core/credentials.h"
#include "backends/core/parse.h"

enum {
	PRUNE_FROM = 256,  /* names, before the dead among them are looked for */
	SPARE_LINES = 256, /* that the file may have beyond two for each name, before it is written anew */
};

static GMutex lock;
static char *path;                  /* Protected by lock, as all below. */
static GHashTable *by_name;         /* "msg jobs" -> "msg 0x0000162e" */
static GHashTable *by_object;       /* the other way round */
static struct stat last_read;       /* the file as it was read */
static guint lines;                 /* in the file */
static guint prune_at = PRUNE_FROM; /* names of all types; twice as many as there were after the last time */

void names_start(const char *file)
{
	g_mutex_lock(&lock);
	g_free(path);
	path = g_strdup(file);
	g_clear_pointer(&by_name, g_hash_table_destroy);
	g_clear_pointer(&by_object, g_hash_table_destroy);
	g_mutex_unlock(&lock);
}

bool names_valid(const char *name)
{
	return *name && strlen(name) <= NAME_MAX && !g_str_has_prefix(name, "0x") && !g_str_has_prefix(name, "id-") &&
	       !strpbrk(name, "/\n");
}

static char *object_text(const char *type, Named object)
{
	return object.key ? g_strdup_printf("%s 0x%08x", type, object.key) :
			    g_strdup_printf("%s id-%d", type, object.id);
}

static bool object_parse(const char *text, Named *out)
{
	int64_t id;

	*out = (Named){0};
	if (parse_key(text, &out->key))
		return out->key != 0;
	if (!g_str_has_prefix(text, "id-") || !parse_number(text + 3, 0, INT_MAX, &id))
		return false;
	out->id = (int)id;
	return true;
}

/* Called with lock held. A name or an object that is there already loses the other half of its old pair. */
static void remember(const char *type, const char *name, const char *object)
{
	g_autofree char *full = g_strdup_printf("%s %s", type, name);
	char *old_name = g_hash_table_lookup(by_object, object);
	char *old_object = g_hash_table_lookup(by_name, full);

	if (old_name && strcmp(old_name, full) == 0)
		return;
	if (old_object)
		g_hash_table_remove(by_object, old_object);
	if (old_name)
		g_hash_table_remove(by_name, old_name);
	g_hash_table_replace(by_name, g_strdup(full), g_strdup(object));
	g_hash_table_replace(by_object, g_strdup(object), g_strdup(full));
}

/* Called with lock held. */
static void forget(const char *object)
{
	const char *full = g_hash_table_lookup(by_object, object);

	if (full)
		g_hash_table_remove(by_name, full);
	g_hash_table_remove(by_object, object);
}

/* Called with lock held. A line that is not of the form above is passed over. */
static void read_line(const char *line)
{
	g_auto(GStrv) words = g_strsplit(line, " ", 3);
	Named object;

	guint n = g_strv_length(words);

	lines += n > 0;
	if (n < 2 || !object_parse(words[1], &object))
		return;
	g_autofree char *text = object_text(words[0], object);
	if (n == 2)
		forget(text);
	else if (names_valid(words[2]))
		remember(words[0], words[2], text);
}

/* Reads the file if it has changed since. Called with lock held. */
static void refresh(void)
{
	struct stat now = {0};
	g_autofree char *text = NULL;

	if (stat(path, &now))
		now = (struct stat){0};
	if (by_name && now.st_ino == last_read.st_ino && now.st_size == last_read.st_size &&
	    now.st_mtim.tv_sec == last_read.st_mtim.tv_sec && now.st_mtim.tv_nsec == last_read.st_mtim.tv_nsec)
		return;
	g_clear_pointer(&by_name, g_hash_table_destroy);
	g_clear_pointer(&by_object, g_hash_table_destroy);
	by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	by_object = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	last_read = now;
	lines = 0;
	if (now.st_ino && g_file_get_contents(path, &text, NULL, NULL)) {
		g_auto(GStrv) all = g_strsplit(text, "\n", -1);

		for (char **line = all; *line; line++)
			read_line(*line);
	}
}

/*
 * Called with lock held. Writes `text` to the end of a file, all or nothing, notes the file as read, and closes it.
 */
static int write_out(int fd, const GString *text)
{
	struct stat before = {0};
	int error = 0;
	ssize_t written;

	fstat(fd, &before);
	written = write(fd, text->str, text->len);
	if (written < 0)
		error = errno;
	else if ((size_t)written < text->len)
		error = ENOSPC;
	/* The next line must not be glued to a piece of this one. */
	if (error && ftruncate(fd, before.st_size))
		g_warning("%s: a piece of a line is left: %s", path, g_strerror(errno));
	fstat(fd, &last_read);
	close(fd);
	return -error;
}

/* Called with lock held. Replaces the file as a whole, so that readers see the old or the new one. */
static int rewrite(void)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *fresh = g_strconcat(path, ".new", NULL);
	GHashTableIter iter;
	gpointer key, value;
	int fd, result;

	g_hash_table_iter_init(&iter, by_object);
	while (g_hash_table_iter_next(&iter, &key, &value))
		g_string_append_printf(text, "%s %s\n", (char *)key, strchr(value, ' ') + 1);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	result = write_out(fd, text);
	if (result == 0 && rename(fresh, path))
		result = -errno;
	if (result < 0)
		unlink(fresh);
	else
		lines = g_hash_table_size(by_object);
	return result;
}

/* Called with lock held, after `line` was made true in memory. */
static int save(const char *line)
{
	g_autoptr(GString) text = g_string_new(line);
	int fd;

	if (lines >= 2 * g_hash_table_size(by_object) + SPARE_LINES)
		return rewrite();
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	lines++;
	return write_out(fd, text);
}

/* Takes the lock that other daemons respect. Called with lock held. Returns its descriptor or a negative errno. */
static int lock_file(void)
{
	g_autofree char *file = g_strconcat(path, ".lock", NULL);
	g_autofree char *directory = g_path_get_dirname(path);
	int fd;

	if (g_mkdir_with_parents(directory, 0755))
		return -errno;
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX)) {
		int error = errno;

		close(fd);
		return -error;
	}
	return fd;
}

bool names_lookup(const char *type, const char *name, Named *out)
{
	g_autofree char *full = g_strdup_printf("%s %s", type, name);
	const char *object;
	bool found;

	g_mutex_lock(&lock);
	refresh();
	object = g_hash_table_lookup(by_name, full);
	found = object && object_parse(strchr(object, ' ') + 1, out);
	g_mutex_unlock(&lock);
	return found;
}

bool names_of(const char *type, Named object, char *name)
{
	g_autofree char *text = object_text(type, object);
	const char *full;

	g_mutex_lock(&lock);
	refresh();
	full = g_hash_table_lookup(by_object, text);
	if (full)
		g_strlcpy(name, strchr(full, ' ') + 1, NAME_MAX + 1);
	g_mutex_unlock(&lock);
	return full != NULL;
}

/* Adds (name not NULL) or drops. Called with lock held, as the daemon. */
static int change(const char *type, const char *name, Named object)
{
	g_autofree char *text = object_text(type, object);
	g_autofree char *line = name ? g_strdup_printf("%s %s\n", text, name) : g_strdup_printf("%s\n", text);
	int fd = lock_file();
	int result = 0;

	if (fd < 0)
		return fd;
	refresh();
	if (name) {
		g_autofree char *full = g_strdup_printf("%s %s", type, name);
		const char *other = g_hash_table_lookup(by_name, full);

		if (other && strcmp(other, text) != 0)
			result = -EEXIST;
		else
			remember(type, name, text);
	} else {
		forget(text);
	}
	if (result == 0) {
		result = save(line);
		if (result < 0) /* what is in memory is not what is in the file */
			g_clear_pointer(&by_name, g_hash_table_destroy);
	}
	close(fd);
	return result;
}

int names_add(const char *type, const char *name, Named object)
{
	int result;

	creds_raise();
	g_mutex_lock(&lock);
	result = change(type, name, object);
	g_mutex_unlock(&lock);
	creds_lower();
	return result;
}

int names_drop(const char *type, Named object)
{
	int result = 0;

	creds_raise();
	g_mutex_lock(&lock);
	refresh();
	g_autofree char *text = object_text(type, object);
	if (g_hash_table_contains(by_object, text))
		result = change(type, NULL, object);
	g_mutex_unlock(&lock);
	creds_lower();
	return result;
}

/* The objects of this type that have names. Called with lock held. */
static GArray *objects_of(const char *type)
{
	GArray *objects = g_array_new(FALSE, FALSE, sizeof(Named));
	size_t length = strlen(type);
	GHashTableIter iter;
	gpointer text;

	g_hash_table_iter_init(&iter, by_object);
	while (g_hash_table_iter_next(&iter, &text, NULL)) {
		const char *word = text;
		Named object;

		if (strncmp(word, type, length) == 0 && word[length] == ' ' && object_parse(word + length + 1, &object))
			g_array_append_val(objects, object);
	}
	return objects;
}

/* Drops these, and writes the file once. Called with lock held, as the daemon. */
static void drop_all(const char *type, const GArray *objects)
{
	int fd = lock_file();

	if (fd < 0)
		return;
	refresh();
	for (guint i = 0; i < objects->len; i++) {
		g_autofree char *text = object_text(type, g_array_index(objects, Named, i));

		forget(text);
	}
	if (rewrite() < 0)
		g_clear_pointer(&by_name, g_hash_table_destroy);
	close(fd);
}

void names_prune(const char *type, bool (*alive)(const void *data, Named object), const void *data)
{
	g_autoptr(GArray) objects = NULL;

	g_mutex_lock(&lock);
	refresh();
	if (g_hash_table_size(by_object) >= prune_at)
		objects = objects_of(type);
	g_mutex_unlock(&lock);
	if (!objects)
		return;
	for (guint i = objects->len; i-- > 0;)
		if (alive(data, g_array_index(objects, Named, i)))
			g_array_remove_index_fast(objects, i);
	creds_raise();
	g_mutex_lock(&lock);
	drop_all(type, objects);
	prune_at = MAX(PRUNE_FROM, 2 * g_hash_table_size(by_object));
	g_mutex_unlock(&lock);
	creds_lower();
}
