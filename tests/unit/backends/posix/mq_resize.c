/*
 * Resizing of POSIX queues while other programs open them: no message is lost. A thread with descriptors of its own stands for a
 * program, since the kernel counts open files.
 */
#include "backends/posix/mq_resize.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "backends/posix/mq_fs.h"
#include "backends/posix/mq_table.h"

enum { MAXMSG = 10, MSGSIZE = 64, MESSAGES = 1000, MESSAGES_LONG = 200 };

static char path[64]; /* with a slash */
static Object object;

static void queue_create(void)
{
	const struct mq_attr attr = {.mq_maxmsg = MAXMSG, .mq_msgsize = MSGSIZE};
	mqd_t mqd;

	path[0] = '/';
	posix_mq_random_name(path + 1);
	mqd = mq_open(path, O_CREAT | O_EXCL | O_RDWR, 0600, &attr);
	g_assert_cmpint(mqd, >=, 0);
	mq_close(mqd);
	g_assert_cmpint(posix_mq_find(path + 1, &object), ==, 0);
}

static long maxmsg_now(void)
{
	mqd_t mqd = mq_open(path, O_RDONLY);
	struct mq_attr attr;

	g_assert_cmpint(mqd, >=, 0);
	g_assert_cmpint(mq_getattr(mqd, &attr), ==, 0);
	mq_close(mqd);
	return attr.mq_maxmsg;
}

/* Whether this kernel has leases on queues. */
static bool can_resize(void)
{
	int mqd = mq_open(path, O_RDWR), result;

	result = posix_mq_check_unused(mqd);
	mq_close(mqd);
	if (result != -EINVAL)
		return true;
	g_assert_cmpint(posix_mq_resize(&object, 5, 0), ==, -EOPNOTSUPP);
	g_test_skip("this kernel has no leases on queues");
	return false;
}

static void test_unused(void)
{
	static const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR};
	int mqd;

	queue_create();
	if (can_resize()) {
		mqd = mq_open(path, O_RDWR);
		g_assert_cmpint(posix_mq_check_unused(mqd), ==, 0);
		for (size_t i = 0; i < G_N_ELEMENTS(modes); i++) {
			int second = mq_open(path, modes[i]);

			g_assert_cmpint(posix_mq_check_unused(mqd), ==, -EAGAIN);
			mq_close(second);
			g_assert_cmpint(posix_mq_check_unused(mqd), ==, 0);
		}
		mq_send(mqd, "x", 1, 0);
		g_assert_cmpint(posix_mq_check_unused(mqd), ==, -EAGAIN);
		mq_close(mqd);
	}
	mq_unlink(path);
}

static void test_refusals(void)
{
	int mqd;

	queue_create();
	if (can_resize()) {
		mqd = mq_open(path, O_RDONLY);
		g_assert_cmpint(posix_mq_resize(&object, 5, 0), ==, -EBUSY);
		mq_close(mqd);
		mqd = mq_open(path, O_WRONLY);
		mq_send(mqd, "x", 1, 0);
		mq_close(mqd);
		g_assert_cmpint(posix_mq_resize(&object, 5, 0), ==, -EBUSY);
		g_assert_cmpint(maxmsg_now(), ==, MAXMSG);
		mqd = mq_open(path, O_RDWR);
		g_assert_cmpint(posix_mq_check_unused(mqd), ==, -EAGAIN);
		mq_close(mqd);
		g_assert_false(posix_mq_is_renumbered(object.id));
	}
	mq_unlink(path);
}

/* -- Programs that use the queue ------------------------------------------------------------------------------------ */

typedef struct Programs {
	unsigned count;      /* messages to send */
	gint sent, received; /* atomic */
	bool *seen;          /* by number */
	useconds_t open_us;  /* time between open and send */
} Programs;

/* Opens the queue as another program would, which may meet an instant without a queue. */
static mqd_t open_often(int flags)
{
	mqd_t mqd;

	while ((mqd = mq_open(path, flags)) < 0)
		g_assert_true(errno == ENOENT || errno == EAGAIN);
	return mqd;
}

static void *sender(void *data)
{
	Programs *programs = data;
	char bytes[MSGSIZE] = "";

	for (unsigned i = 0; i < programs->count; i++) {
		mqd_t mqd;

		memcpy(bytes, &i, sizeof i);

		for (bool sent = false; !sent;) {
			mqd = open_often(O_WRONLY | (i % 2 ? O_NONBLOCK : 0));
			if (programs->open_us)
				usleep(programs->open_us);
			if (i % 2 == 0)
				fcntl(mqd, F_SETFL, O_NONBLOCK);
			sent = mq_send(mqd, bytes, sizeof bytes, 0) == 0;
			g_assert_true(sent || errno == EAGAIN || errno == EMSGSIZE);
			mq_close(mqd);
		}
		g_atomic_int_inc(&programs->sent);
		usleep(i % 64 * 10); /* room for a resize */
	}
	return NULL;
}

/* Receives until every message has arrived once. */
static void *receiver(void *data)
{
	Programs *programs = data;
	char bytes[MSGSIZE];

	while ((unsigned)g_atomic_int_get(&programs->received) < programs->count) {
		mqd_t mqd = open_often(O_RDONLY | O_NONBLOCK);

		while (mq_receive(mqd, bytes, sizeof bytes, NULL) == sizeof bytes) {
			unsigned number;

			memcpy(&number, bytes, sizeof number);
			g_assert_cmpuint(number, <, programs->count);
			g_assert_false(programs->seen[number]);
			programs->seen[number] = true;
			g_atomic_int_inc(&programs->received);
		}
		mq_close(mqd);
		usleep(200);
	}
	return NULL;
}

/* Resizes the queue again and again while the programs use it. A lost message ends the test by its timeout. */
static void run_programs(unsigned count, useconds_t open_us)
{
	Programs programs = {.count = count, .seen = g_new0(bool, count), .open_us = open_us};
	GThread *threads[] = {g_thread_new("sender", sender, &programs), g_thread_new("receiver", receiver, &programs)};
	unsigned resized = 0, refused = 0;

	while ((unsigned)g_atomic_int_get(&programs.received) < count) {
		/* The smaller message size takes no message of the sender. A long open would make it last too long. */
		const bool small = open_us == 0 && resized % 2 == 0;
		int result = posix_mq_resize(&object, 2 + (long)(resized % 8), small ? MSGSIZE / 2 : MSGSIZE);

		g_assert_true(result == 0 || result == -EBUSY);
		resized += result == 0;
		refused += result != 0;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
		g_thread_join(threads[i]);
	g_assert_cmpint(g_atomic_int_get(&programs.sent), ==, count);
	g_test_message("%u resizes, %u refused", resized, refused);
	g_free(programs.seen);
	/* Nothing is in use now. */
	g_assert_cmpint(posix_mq_resize(&object, 1, 0), ==, 0);
	g_assert_cmpint(maxmsg_now(), ==, 1);
}

static void test_short_opens(void)
{
	queue_create();
	if (can_resize())
		run_programs(MESSAGES, 0);
	mq_unlink(path);
}

static void test_long_opens(void)
{
	queue_create();
	if (can_resize())
		run_programs(MESSAGES_LONG, 1000);
	mq_unlink(path);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/posix/mq/resize/a queue is unused if no other open file of it exists", test_unused);
	g_test_add_func("/posix/mq/resize/a refused resize changes nothing", test_refusals);
	g_test_add_func("/posix/mq/resize/no message is lost while programs open the queue for an instant",
			test_short_opens);
	g_test_add_func("/posix/mq/resize/no message is lost while programs keep the queue open", test_long_opens);
	return g_test_run();
}
