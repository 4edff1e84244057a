/*
 * Locking: `lock` protects all variables. It is held while the file is read or written, since that is rare and short. The lock
 * file excludes other daemons. Only the daemon's user can open it, so that no other user can hold it.
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
	PRUNE_MIN = 256,   /* number of names from which names_prune() does anything */
	SPARE_LINES = 256, /* lines that the file may have beyond two for each name, before a new file replaces it */
};

static GMutex lock;                /* "the names lock" */
static char *path;                 /* Protected by lock, as all below. */
static GHashTable *by_name;        /* "msg jobs" -> "msg 0x0000162e" */
static GHashTable *by_object;      /* "msg 0x0000162e" -> "msg jobs" */
static struct stat last_read;      /* the file when it was read */
static guint lines;                /* number of lines in the file */
static guint prune_at = PRUNE_MIN; /* number of names of all types: twice the number after the last pruning */

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

/* Adds a pair to the tables, and drops the pairs that the name and the object had before. Called with lock held. */
static void pair_add(const char *type, const char *name, const char *object)
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

/* Drops the pair of an object from the tables. Called with lock held. */
static void pair_drop(const char *object)
{
	const char *full = g_hash_table_lookup(by_object, object);

	if (full)
		g_hash_table_remove(by_name, full);
	g_hash_table_remove(by_object, object);
}

/* Applies a line of the file to the tables. Skips a line of another form than names.h describes. Called with lock held. */
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
		pair_drop(text);
	else if (names_valid(words[2]))
		pair_add(words[0], words[2], text);
}

/* Reads the file if it has changed since it was last read. Called with lock held. */
static void file_refresh(void)
{
	struct stat current = {0};
	g_autofree char *text = NULL;

	if (stat(path, &current))
		current = (struct stat){0};
	if (by_name && current.st_ino == last_read.st_ino && current.st_size == last_read.st_size &&
	    current.st_mtim.tv_sec == last_read.st_mtim.tv_sec && current.st_mtim.tv_nsec == last_read.st_mtim.tv_nsec)
		return;
	g_clear_pointer(&by_name, g_hash_table_destroy);
	g_clear_pointer(&by_object, g_hash_table_destroy);
	by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	by_object = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	last_read = current;
	lines = 0;
	if (current.st_ino && g_file_get_contents(path, &text, NULL, NULL)) {
		g_auto(GStrv) all = g_strsplit(text, "\n", -1);

		for (char **line = all; *line; line++)
			read_line(*line);
	}
}

/*
 * Writes `text` to the end of a file, all or nothing, records the file as read, and closes it. Returns 0 or a negative errno.
 * Called with lock held.
 */
static int append_and_close(int fd, const GString *text)
{
	struct stat old = {0};
	int error = 0;
	ssize_t written;

	fstat(fd, &old);
	written = write(fd, text->str, text->len);
	if (written < 0)
		error = errno;
	else if ((size_t)written < text->len)
		error = ENOSPC;
	/* The next line must not follow a part of this one. */
	if (error && ftruncate(fd, old.st_size))
		g_warning("%s: cannot remove an incomplete line: %s", path, g_strerror(errno));
	fstat(fd, &last_read);
	close(fd);
	return -error;
}

/* Replaces the file by a new one, atomically for other daemons. Returns 0 or a negative errno. Called with lock held. */
static int file_replace(void)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *new_path = g_strconcat(path, ".new", NULL);
	GHashTableIter iter;
	gpointer key, value;
	int fd, result;

	g_hash_table_iter_init(&iter, by_object);
	while (g_hash_table_iter_next(&iter, &key, &value))
		g_string_append_printf(text, "%s %s\n", (char *)key, strchr(value, ' ') + 1);
	fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	result = append_and_close(fd, text);
	if (result == 0 && rename(new_path, path))
		result = -errno;
	if (result < 0)
		unlink(new_path);
	else
		lines = g_hash_table_size(by_object);
	return result;
}

/* Writes `line`, whose change the tables already contain. Returns 0 or a negative errno. Called with lock held. */
static int file_append(const char *line)
{
	g_autoptr(GString) text = g_string_new(line);
	int fd;

	if (lines >= 2 * g_hash_table_size(by_object) + SPARE_LINES)
		return file_replace();
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	lines++;
	return append_and_close(fd, text);
}

/* Locks the file against other daemons. Returns a descriptor, whose close unlocks, or a negative errno. Called with lock held. */
static int file_lock(void)
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
	bool has_object;

	g_mutex_lock(&lock);
	file_refresh();
	object = g_hash_table_lookup(by_name, full);
	has_object = object && object_parse(strchr(object, ' ') + 1, out);
	g_mutex_unlock(&lock);
	return has_object;
}

bool names_of(const char *type, Named object, char *name)
{
	g_autofree char *text = object_text(type, object);
	const char *full;

	g_mutex_lock(&lock);
	file_refresh();
	full = g_hash_table_lookup(by_object, text);
	if (full)
		g_strlcpy(name, strchr(full, ' ') + 1, NAME_MAX + 1);
	g_mutex_unlock(&lock);
	return full != NULL;
}

/* Adds a name, or drops the object's name if `name` is NULL. Called with lock held and the daemon's credentials. */
static int name_change(const char *type, const char *name, Named object)
{
	g_autofree char *text = object_text(type, object);
	g_autofree char *line = name ? g_strdup_printf("%s %s\n", text, name) : g_strdup_printf("%s\n", text);
	int fd = file_lock();
	int result = 0;

	if (fd < 0)
		return fd;
	file_refresh();
	if (name) {
		g_autofree char *full = g_strdup_printf("%s %s", type, name);
		const char *old_object = g_hash_table_lookup(by_name, full);

		if (old_object && strcmp(old_object, text) != 0)
			result = -EEXIST;
		else
			pair_add(type, name, text);
	} else {
		pair_drop(text);
	}
	if (result == 0) {
		result = file_append(line);
		if (result < 0) /* the tables differ from the file: read it again */
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
	result = name_change(type, name, object);
	g_mutex_unlock(&lock);
	creds_lower();
	return result;
}

int names_drop(const char *type, Named object)
{
	int result = 0;

	creds_raise();
	g_mutex_lock(&lock);
	file_refresh();
	g_autofree char *text = object_text(type, object);
	if (g_hash_table_contains(by_object, text))
		result = name_change(type, NULL, object);
	g_mutex_unlock(&lock);
	creds_lower();
	return result;
}

/* The objects of this type that have names, owned by the caller. Called with lock held. */
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

/* Drops the names of these objects and writes the file once. Called with lock held and the daemon's credentials. */
static void names_drop_all(const char *type, const GArray *objects)
{
	int fd = file_lock();

	if (fd < 0)
		return;
	file_refresh();
	for (guint i = 0; i < objects->len; i++) {
		g_autofree char *text = object_text(type, g_array_index(objects, Named, i));

		pair_drop(text);
	}
	if (file_replace() < 0)
		g_clear_pointer(&by_name, g_hash_table_destroy);
	close(fd);
}

void names_prune(const char *type, bool (*exists)(const void *data, Named object), const void *data)
{
	g_autoptr(GArray) objects = NULL;

	g_mutex_lock(&lock);
	file_refresh();
	if (g_hash_table_size(by_object) >= prune_at)
		objects = objects_of(type);
	g_mutex_unlock(&lock);
	if (!objects)
		return;
	for (guint i = objects->len; i-- > 0;)
		if (exists(data, g_array_index(objects, Named, i)))
			g_array_remove_index_fast(objects, i);
	creds_raise();
	g_mutex_lock(&lock);
	names_drop_all(type, objects);
	prune_at = MAX(PRUNE_MIN, 2 * g_hash_table_size(by_object));
	g_mutex_unlock(&lock);
	creds_lower();
}
