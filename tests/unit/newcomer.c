/* Compiles and runs the mechanism of "Adding a mechanism" in docs/architecture.md. */
#include "tests/unit/newcomer_event.h"

#include <string.h>

static Handle open_counter(const Object *object, int flags)
{
	Handle handle = {.desc = &files[0], .object = *object, .flags = flags};

	g_assert_cmpint(files[0].stream->open(&handle, NONBLOCK), ==, 0);
	return handle;
}

static void check_read(Handle *handle, const char *expected)
{
	char text[32];
	ssize_t n = files[0].stream->read(handle, text, sizeof text, NONBLOCK);

	g_assert_cmpmem(text, n, expected, strlen(expected));
}

static void test_counter(void)
{
	const StreamOps *ops = files[0].stream;
	g_autoptr(GString) shown = g_string_new(NULL);
	Object object, found_object;
	Handle handle;
	char byte;
	Wait wait;

	g_assert_cmpint(event_members.create(event_members.context, NULL, "bell", 0600, &object), ==, 0);
	g_assert_cmpint(event_members.create(event_members.context, NULL, "bell", 0600, &found_object), ==, -EEXIST);
	g_assert_cmpint(event_members.lookup(event_members.context, NULL, "bell", &found_object), ==, 0);
	g_assert_cmpint(found_object.id, ==, object.id);
	handle = open_counter(&object, O_RDWR);
	g_assert_cmpint(ops->read(&handle, &byte, 1, NONBLOCK), ==, -EAGAIN);
	g_assert_cmpint(ops->poll(&handle) & (POLLIN | POLLOUT), ==, POLLOUT);
	ops->wait(&handle, READING, 1, &wait);
	g_assert_cmpint(wait.how, ==, WAIT_FD);
	g_assert_cmpint(ops->write(&handle, "40\n", 3, NONBLOCK), ==, 3);
	g_assert_cmpint(ops->write(&handle, "2", 1, NONBLOCK), ==, 1);
	g_assert_cmpint(ops->write(&handle, "-2", 2, NONBLOCK), ==, -EINVAL);
	g_assert_cmpint(ops->poll(&handle) & POLLIN, ==, POLLIN);
	g_assert_cmpint(ops->read(&handle, &byte, 1, NONBLOCK), ==, 1);
	g_assert_cmpint(byte, ==, '4');
	check_read(&handle, "2\n");
	g_assert_cmpint(ops->read(&handle, &byte, 1, NONBLOCK), ==, -EAGAIN);
	g_assert_cmpint(files[1].text->show(&files[1], &object, NULL, shown), ==, 0);
	g_assert_cmpstr(shown->str, ==, "0\n");
	g_string_truncate(shown, 0);
	g_assert_cmpint(files[3].text->show(&files[3], &object, NULL, shown), ==, 0);
	g_assert_cmpstr(shown->str, ==, "Owner:\t0\nMode:\t0600\n");
	g_assert_cmpint(event_members.remove(event_members.context, &object), ==, 0);
	g_assert_cmpint(event_members.lookup(event_members.context, NULL, "bell", &found_object), ==, -ENOENT);
	g_assert_cmpint(ops->read(&handle, &byte, 1, NONBLOCK), ==, -EIDRM);
	g_assert_cmpint(ops->write(&handle, "1", 1, NONBLOCK), ==, -EIDRM);
	g_assert_cmpint(ops->poll(&handle), ==, POLLERR | POLLHUP);
	ops->close(&handle);
	buffer_clear(&handle.rest);
	g_assert_cmpstr(event_desc.name, ==, "event");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/newcomer/counter", test_counter);
	return g_test_run();
}
