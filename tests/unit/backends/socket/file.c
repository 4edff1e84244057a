/* Files on sockets, without a mount: bytes, messages, records with addresses, and the sender that receivers see. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/core/host.h"
#include "backends/core/refusal.h"
#include "backends/socket/file.h"
#include "tests/unit/backends/socket/local_pair.h"

static Socket *ours;

static Socket *get(Handle *handle, int *error)
{
	if (!ours)
		*error = -ENOTCONN;
	return ours ? socket_ref(ours) : NULL;
}

static const SocketFile file = {.queue = SOCKET_QUEUE, .get = get};
static const FileDesc bytes_desc = {.kind = STREAM, .mode = 0666, .stream = &socket_bytes, .mechanism = &file};
static const FileDesc data_desc = {.kind = STREAM, .mode = 0666, .stream = &queue_data, .mechanism = &file};
static const FileDesc records_desc = {.kind = STREAM, .mode = 0666, .stream = &queue_records, .mechanism = &file};

static const Network *network(NetworkId id)
{
	const Object object = {.select = id};

	return network_of(&object);
}

static Handle open_file(const FileDesc *desc, NetworkId id, pid_t pid)
{
	Handle handle = {
		.desc = desc,
		.object.select = id,
		.flags = O_RDWR,
		.caller = {.uid = geteuid(), .gid = getegid(), .pid = pid},
	};

	g_assert_cmpint(desc->stream->open(&handle, NONBLOCK), ==, 0);
	return handle;
}

static void close_file(Handle *handle)
{
	handle->desc->stream->close(handle);
	buffer_clear(&handle->rest);
	buffer_clear(&handle->unsent);
}

/* Connects the tested socket to a native peer. */
static int begin_pair(NetworkId id)
{
	int peer;

	ours = local_pair(id, &peer);
	return peer;
}

static void end_pair(int peer)
{
	close(peer);
	socket_unref(g_steal_pointer(&ours));
}

static ssize_t write_file(Handle *handle, const char *text)
{
	return handle->desc->stream->write(handle, text, strlen(text), NONBLOCK);
}

static void expect_read(Handle *handle, size_t size, const char *expected)
{
	char buf[1024];

	g_assert_cmpint(handle->desc->stream->read(handle, buf, size, NONBLOCK), ==, (ssize_t)strlen(expected));
	g_assert_cmpmem(buf, strlen(expected), expected, strlen(expected));
}

static void expect_error(Handle *handle, int error)
{
	char buf[64];

	g_assert_cmpint(handle->desc->stream->read(handle, buf, sizeof buf, NONBLOCK), ==, -error);
}

static void test_bytes(void)
{
	int peer = begin_pair(NET_UNIX);
	Handle handle = open_file(&bytes_desc, NET_UNIX, getpid());
	char buf[16];

	expect_error(&handle, EAGAIN);
	g_assert_cmpint(write_file(&handle, "hello"), ==, 5);
	g_assert_cmpint(read(peer, buf, sizeof buf), ==, 5);
	g_assert_cmpint(write(peer, "you", 3), ==, 3);
	expect_read(&handle, 2, "yo");
	expect_read(&handle, 16, "u");
	g_assert_cmpint(shutdown(peer, SHUT_WR), ==, 0);
	expect_read(&handle, 16, "");
	close_file(&handle);
	end_pair(peer);
}

static void test_messages(void)
{
	int peer = begin_pair(NET_UNIXPACKET);
	Handle handle = open_file(&data_desc, NET_UNIXPACKET, getpid());
	char buf[16];

	expect_error(&handle, EAGAIN);
	g_assert_cmpint(write_file(&handle, "hello"), ==, 5);
	g_assert_cmpint(read(peer, buf, sizeof buf), ==, 5);
	g_assert_cmpint(write(peer, "message", 7), ==, 7);
	g_assert_cmpint(write(peer, "next", 4), ==, 4);
	expect_read(&handle, 4, "mess");
	g_assert_true(handle.desc->stream->poll(&handle) & POLLIN);
	expect_read(&handle, 16, "age");
	expect_read(&handle, 16, "next");
	close(peer);
	expect_read(&handle, 16, "");
	expect_read(&handle, 16, "");
	close_file(&handle);
	end_pair(-1);
}

static void test_none(void)
{
	Handle handle = open_file(&data_desc, NET_UNIXGRAM, getpid());

	expect_error(&handle, ENOTCONN);
	g_assert_cmpint(write_file(&handle, "x"), ==, -ENOTCONN);
	g_assert_true(handle.desc->stream->poll(&handle) & POLLERR);
	close_file(&handle);
}

/* -- Records -------------------------------------------------------------------------------------------------------- */

static int udp_bound(char *text)
{
	struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	Address address = {.length = sizeof address.storage};

	g_assert_cmpint(bind(fd, (struct sockaddr *)&loopback, sizeof loopback), ==, 0);
	g_assert_cmpint(getsockname(fd, &address.any, &address.length), ==, 0);
	address_print(network(NET_UDP), &address, text);
	return fd;
}

/* One socket exchanges messages with two peers; each answer carries the address of its sender. */
static void test_records(void)
{
	char names[2][ADDRESS_TEXT_MAX + 1], record[3 * ADDRESS_TEXT_MAX], buf[16];
	int peers[2];
	Handle handle;

	for (int i = 0; i < 2; i++)
		peers[i] = udp_bound(names[i]);
	g_assert_cmpint(socket_new(network(NET_UDP), 0, AF_INET, &ours), ==, 0);
	handle = open_file(&records_desc, NET_UDP, getpid());
	snprintf(record, sizeof record, "%s 3\none\n%s 3\ntwo\n", names[0], names[1]);
	g_assert_cmpint(write_file(&handle, record), ==, (ssize_t)strlen(record));
	for (int i = 0; i < 2; i++) {
		struct sockaddr_in from;
		socklen_t length = sizeof from;

		g_assert_cmpint(recvfrom(peers[i], buf, sizeof buf, 0, (struct sockaddr *)&from, &length), ==, 3);
		g_assert_cmpmem(buf, 3, i ? "two" : "one", 3);
		g_assert_cmpint(sendto(peers[i], i ? "b" : "a", 1, 0, (struct sockaddr *)&from, length), ==, 1);
	}
	snprintf(record, sizeof record, "%s 1\na\n%s 1\nb\n", names[0], names[1]);
	expect_read(&handle, sizeof record, record);
	refusal_forget();
	g_assert_cmpint(write_file(&handle, "example.org:1 1\nx\n"), ==, -EINVAL);
	g_assert_true(refusal_noted());
	close_file(&handle);
	for (int i = 0; i < 2; i++)
		close(peers[i]);
	socket_unref(g_steal_pointer(&ours));
}

/* -- Senders -------------------------------------------------------------------------------------------------------- */

static pid_t received_sender(int peer)
{
	char byte;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec piece = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control.room,
	};
	struct ucred sender;

	g_assert_cmpint(recvmsg(peer, &message, MSG_DONTWAIT), ==, 1);
	g_assert_nonnull(CMSG_FIRSTHDR(&message));
	memcpy(&sender, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof sender);
	return sender.pid;
}

/* The pid of an ended process may belong to another process: no message is sent in the name of that one. */
static void test_sender(void)
{
	static const NetworkId ids[] = {NET_UNIX, NET_UNIXGRAM, NET_UNIXPACKET};

	if (getuid() != 0) {
		g_test_skip("needs root");
		return;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(ids); i++) {
		int peer = begin_pair(ids[i]);
		pid_t opener = fork();
		Handle handle;

		if (opener == 0) {
			pause();
			_exit(0);
		}
		g_assert_cmpint(setsockopt(peer, SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)), ==, 0);
		handle = open_file(ids[i] == NET_UNIX ? &bytes_desc : &data_desc, ids[i], opener);
		g_assert_cmpint(write_file(&handle, "x"), ==, 1);
		g_assert_cmpint(received_sender(peer), ==, opener);
		g_assert_cmpint(kill(opener, SIGKILL), ==, 0);
		g_assert_cmpint(waitpid(opener, NULL, 0), ==, opener);
		/* As if its pid belonged to another process. */
		handle.caller.pid = getppid();
		g_assert_cmpint(write_file(&handle, "x"), ==, 1);
		g_assert_cmpint(received_sender(peer), ==, getpid());
		close_file(&handle);
		end_pair(peer);
	}
}

int main(int argc, char **argv)
{
	const HostSettings settings = {.largest = 65536, .names = "/nonexistent", .mountpoint = "/nonexistent"};

	g_test_init(&argc, &argv, NULL);
	host_configure(&settings);
	g_test_add_func("/socket-file/bytes", test_bytes);
	g_test_add_func("/socket-file/messages", test_messages);
	g_test_add_func("/socket-file/none", test_none);
	g_test_add_func("/socket-file/records", test_records);
	g_test_add_func("/socket-file/sender", test_sender);
	return g_test_run();
}
