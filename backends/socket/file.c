/*
 * Reading and writing sockets (file.h): byte streams, and the messages of a Queue.
 *
 * fs/ calls socket_bytes directly, and the other functions through queue.c, on any thread. Only a send with BLOCK may
 * sleep.
 *
 * On unixgram, one open of `records` sends to many receivers. No descriptor shows that a receiver named in a record
 * has room, and an address that is a path has to be walked with the caller's credentials, in file systems that may take
 * long. A worker thread therefore makes such a send.
 *
 * Locking: none. fs/ makes one read and one write of a Handle at a time. STATE_ADDRESSED is atomic, because polls
 * read it as well.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/core/credentials.h"
#include "backends/core/host.h"
#include "backends/core/procfs.h"
#include "backends/core/refusal.h"
#include "backends/socket/file.h"
#include "backends/socket/path.h"

/*
 * Numbers in Handle.state. STATE_SENDER: the pidfd of the opener on unix networks; 0: none. STATE_ADDRESSED (atomic):
 * the last message to be sent names the unix socket that receives it.
 */
enum { STATE_SENDER = QUEUE_OWN + 1, STATE_ADDRESSED };

static const SocketFile *file_of(const Handle *handle)
{
	return handle->desc->mechanism;
}

static Socket *get_socket(Handle *handle, int *error)
{
	return file_of(handle)->get(handle, error);
}

/* The same for polling and waiting. */
static Socket *get_pollable(Handle *handle, int *error)
{
	Socket *socket = get_socket(handle, error);

	return socket || !file_of(handle)->listening ? socket : file_of(handle)->listening(handle);
}

/* The process of a thread. 0: the daemon does not see it. */
static pid_t leader_of(pid_t thread)
{
	int directory = thread > 0 ? procfs_open(thread, 0) : -1;
	g_autofree char *status = directory >= 0 ? procfs_read(directory, "status") : NULL;

	if (directory >= 0)
		close(directory);
	return status ? (pid_t)procfs_number(status, "Tgid", 10) : 0;
}

/*
 * Keeps the process that receivers are told as the sender. A pidfd holds the opener, because other processes may have
 * its open file after it has ended, and must not send in the name of a process that got its pid. Called while the
 * opener waits for this open, so the opener exists.
 */
static int hold_sender(Handle *handle)
{
	const uid_t uid = handle->caller.uid;
	int pidfd, result, error;

	handle->caller.pid = leader_of(handle->caller.pid);
	if (handle->caller.pid == 0)
		return 0;
	result = socket_charge(uid);
	if (result < 0)
		return result;
	pidfd = (int)syscall(SYS_pidfd_open, handle->caller.pid, 0);
	error = errno;
	if (pidfd >= 0) {
		handle->state[STATE_SENDER] = pidfd;
		return 0;
	}
	socket_discharge(uid);
	if (error == EMFILE || error == ENFILE)
		return refuse(ENFILE, "the daemon has no descriptor left");
	handle->caller.pid = 0;
	return 0;
}

static Caller sender_of(const Handle *handle)
{
	Caller sender = handle->caller;
	int pidfd = (int)handle->state[STATE_SENDER];

	if (pidfd > 0 && syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) && errno == ESRCH)
		sender.pid = 0;
	return sender;
}

int socket_file_open(Handle *handle, BlockMode block)
{
	int result = 0;

	if (block == NONBLOCK && network_of(&handle->object)->local && !handle->state[STATE_SENDER])
		result = hold_sender(handle);
	if (result < 0)
		return result;
	return file_of(handle)->open ? file_of(handle)->open(handle, block) : 0;
}

void socket_file_close(Handle *handle)
{
	if (handle->state[STATE_SENDER]) {
		close((int)handle->state[STATE_SENDER]);
		socket_discharge(handle->caller.uid);
	}
	if (file_of(handle)->close)
		file_of(handle)->close(handle);
}

int socket_file_poll(Handle *handle)
{
	int error = 0, events;
	Socket *socket = get_pollable(handle, &error);

	/* Without a socket, reads and writes fail at once. */
	if (!socket)
		return error == -EAGAIN ? 0 : POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLERR | POLLHUP;
	events = socket_poll(socket, handle_reads(handle), handle_writes(handle));
	socket_unref(socket);
	return events;
}

/*
 * Whether the next message goes to a socket other than the connected one. The room in the connected one then says
 * nothing.
 */
static bool is_addressed(const Handle *handle)
{
	return __atomic_load_n(&handle->state[STATE_ADDRESSED], __ATOMIC_RELAXED);
}

void socket_file_wait(Handle *handle, Direction direction, size_t size, Wait *out)
{
	int error = 0;
	Socket *socket = get_pollable(handle, &error);

	if (!socket && file_of(handle)->wait)
		file_of(handle)->wait(handle, direction, out);
	else if (!socket || (direction == WRITING && is_addressed(handle)))
		*out = (Wait){
			.how = socket ? WAIT_CALL : WAIT_FD,
			.visits = true,
			.fd = -1,
			.key = {(int64_t)(intptr_t)handle, direction},
		};
	else
		socket_wait(socket, direction, out);
	socket_unref(socket);
}

/* Notes the reason for an error of a read or write, passes it to failed(), and returns it. */
static ssize_t report_result(Handle *handle, ssize_t n)
{
	if (n == -ECONNREFUSED)
		refuse(ECONNREFUSED, network_of(&handle->object)->local ?
					     "no socket listens at this address" :
					     "no socket received an earlier message at this address");
	if (n < 0 && n != -EAGAIN && n != -E2BIG && n != -EINTR && file_of(handle)->failed)
		file_of(handle)->failed(handle, (int)n);
	return n;
}

/* -- Bytes --------------------------------------------------------------------------------------------------------- */

static ssize_t bytes_read(Handle *handle, char *buf, size_t size, BlockMode block)
{
	int error = 0;
	Socket *socket = get_socket(handle, &error);
	ssize_t n;

	if (!socket)
		return error == -ENODATA ? 0 : error;
	n = socket_receive(socket, buf, size);
	socket_unref(socket);
	return report_result(handle, n);
}

static ssize_t bytes_write(Handle *handle, const char *buf, size_t size, BlockMode block)
{
	int error = 0;
	Socket *socket = get_socket(handle, &error);
	Caller sender;
	ssize_t n;

	if (!socket)
		return error == -ENODATA ? -EPIPE : error;
	sender = sender_of(handle);
	n = socket_send(socket, &sender, NULL, buf, size, NONBLOCK);
	socket_unref(socket);
	return report_result(handle, n);
}

const StreamOps socket_bytes = {
	.open = socket_file_open,
	.read = bytes_read,
	.write = bytes_write,
	.poll = socket_file_poll,
	.wait = socket_file_wait,
	.close = socket_file_close,
	.cancel = socket_file_close,
	.bytes = true,
};

/* -- Messages ------------------------------------------------------------------------------------------------------ */

ssize_t socket_queue_receive(Handle *handle, char *buf, size_t room, Mark *mark, BlockMode block)
{
	Address from = {0};
	bool end = false;
	int error = 0;
	Socket *socket = get_socket(handle, &error);
	ssize_t n;

	if (!socket)
		return error;
	n = socket_receive_message(socket, buf, room, &from, &end);
	socket_unref(socket);
	if (end)
		return -ENODATA;
	report_result(handle, n);
	mark->length = MIN(from.length, sizeof mark->address);
	memcpy(mark->address, &from.storage, mark->length);
	return n;
}

/* Runs on a worker thread, with the caller's credentials: the kernel checks the path for the caller. */
static ssize_t send_to_path(const Caller *sender, Socket *socket, const Address *to, const char *bytes, size_t length,
			    BlockMode block)
{
	int result = path_check_caller(sender), fd;
	Address reached;
	ssize_t n;

	if (result == 0)
		result = creds_override(sender);
	if (result < 0)
		return result;
	n = fd = path_open(to->local.sun_path);
	/* An interrupted caller was told that the message is not sent. */
	if (fd >= 0 && host_interrupted()) {
		close(fd);
		n = -EINTR;
	} else if (fd >= 0) {
		path_address(fd, &reached);
		n = socket_send(socket, sender, &reached, bytes, length, block);
		close(fd);
	}
	creds_revert();
	return n;
}

static ssize_t send_message(Handle *handle, Socket *socket, const Address *to, const char *bytes, size_t length,
			    BlockMode block)
{
	const Caller sender = sender_of(handle);

	__atomic_store_n(&handle->state[STATE_ADDRESSED], to && socket->network->local, __ATOMIC_RELAXED);
	if (!to || !socket->network->local)
		return socket_send(socket, &sender, to, bytes, length, NONBLOCK);
	if (to->local.sun_path[0] == '\0')
		return socket_send(socket, &sender, to, bytes, length, block);
	if (block == NONBLOCK)
		return -EAGAIN;
	return send_to_path(&sender, socket, to, bytes, length, block);
}

/* Notes the reason why a message could not be sent. */
static void refuse_message(Socket *socket, const Address *to, int error)
{
	const bool local = socket->network->local;

	if (error == -EMSGSIZE)
		refuse(EMSGSIZE, "a message here has at most %zd bytes", socket_largest_to(socket, to));
	else if (error == -EDESTADDRREQ || (error == -ENOTCONN && !to))
		refuse(-error, "no destination: connect first, or use records");
	else if (error == -EAFNOSUPPORT && to)
		refuse(EAFNOSUPPORT, "address is of %s, but the socket is of the other family",
		       to->any.sa_family == AF_INET6 ? "IPv6" : "IPv4");
	else if (error == -EACCES && !local)
		refuse(EACCES, "broadcast address: write 1 to options/broadcast first");
}

int socket_queue_send(Handle *handle, const Mark *mark, const char *bytes, size_t length, BlockMode block)
{
	Address to = {.length = mark->length};
	int error = 0;
	Socket *socket = get_socket(handle, &error);
	ssize_t n;

	if (!socket)
		return error == -ENODATA ? -EPIPE : error;
	memcpy(&to.storage, mark->address, mark->length);
	n = send_message(handle, socket, mark->length ? &to : NULL, bytes, length, block);
	if (n < 0)
		refuse_message(socket, mark->length ? &to : NULL, (int)n);
	socket_unref(socket);
	return report_result(handle, n) < 0 ? (int)n : 0;
}

ssize_t socket_queue_largest(Handle *handle)
{
	int error = 0;
	Socket *socket = get_socket(handle, &error);
	ssize_t n;

	if (!socket)
		return error;
	n = socket_largest(socket);
	socket_unref(socket);
	return n;
}

/*
 * An upper bound: each message takes a part of the receive buffer. The kernel does not say how many messages are
 * queued.
 */
int64_t socket_queue_queued(Handle *handle)
{
	enum { LEAST = 256, SPARE = 64 };
	int room = 0, error = 0;
	socklen_t size = sizeof room;
	Socket *socket = get_socket(handle, &error);

	if (!socket)
		return error;
	getsockopt(socket->fd, SOL_SOCKET, SO_RCVBUF, &room, &size);
	socket_unref(socket);
	return room / LEAST + SPARE;
}

void socket_queue_mark(const Handle *handle, Mark *out)
{
	out->length = 0;
}

/* Prints the sender of a message; "-" on a connected socket or for a sender without a name. */
size_t socket_queue_print_mark(Handle *handle, char *text, const Mark *mark)
{
	Address address = {.length = mark->length};
	size_t n;

	memcpy(&address.storage, mark->address, mark->length);
	n = mark->length ? address_print(network_of(&handle->object), &address, text) : 0;
	if (n == 0)
		n = (size_t)g_strlcpy(text, "-", 2);
	return n;
}

int socket_queue_parse_mark(Handle *handle, const char *text, size_t length, Mark *out)
{
	g_autofree char *copy = g_strndup(text, length);
	Address address;
	int result;

	out->length = 0;
	if (strcmp(copy, "-") == 0)
		return 0;
	result = address_parse(network_of(&handle->object), copy, false, &address);
	if (result == -EAGAIN)
		return refuse(EINVAL, "records take no names: write the address as a number");
	if (result < 0)
		return result;
	out->length = address.length;
	memcpy(out->address, &address.storage, address.length);
	return 0;
}
