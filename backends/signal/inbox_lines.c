/*
 * inbox/NAME/lines: the signals that an inbox has received, one line for each.
 *
 * A read takes whole records from the pipe of the inbox (inbox.h) and turns them into lines. Lines that do not fit into the
 * reader's buffer stay in Handle.rest. Several open files share the pipe; each signal goes to one of them.
 *
 * fs/ calls the functions through inbox_lines, and watches the pipe for waiting requests. There are no locks: one read of a
 * handle is under way at a time.
 */
#include "backends/signal/inbox_lines.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "backends/common/signal_name.h"
#include "backends/signal/inbox.h"

enum {
	LINE_MAX_BYTES = 128, /* more than the longest line */
	RECORDS = 64,         /* read from the pipe at a time */
};

/* Handle.state: the Entry of the inbox, on which the open file holds a reference. */
enum { STATE_ENTRY };

static Entry *entry_of(const Handle *handle)
{
	return (Entry *)(intptr_t)handle->state[STATE_ENTRY];
}

static const Inbox *inbox_of(const Handle *handle)
{
	return entry_of(handle)->data;
}

static void format_code(char *out, size_t room, int code)
{
	static const struct {
		int code;
		const char *name;
	} codes[] = {
		{SI_USER, "SI_USER"},     {SI_QUEUE, "SI_QUEUE"},     {SI_TKILL, "SI_TKILL"},
		{SI_KERNEL, "SI_KERNEL"}, {SI_TIMER, "SI_TIMER"},     {SI_MESGQ, "SI_MESGQ"},
		{SI_SIGIO, "SI_SIGIO"},   {SI_ASYNCIO, "SI_ASYNCIO"}, {SI_ASYNCNL, "SI_ASYNCNL"},
	};

	snprintf(out, room, "%d", code);
	for (size_t i = 0; i < G_N_ELEMENTS(codes); i++)
		if (codes[i].code == code)
			g_strlcpy(out, codes[i].name, room);
}

static void append_line(Buffer *out, const struct signalfd_siginfo *info)
{
	char name[SIGNAL_NAME_MAX], code[24], line[LINE_MAX_BYTES];

	signal_name((int)info->ssi_signo, name);
	format_code(code, sizeof code, info->ssi_code);
	buffer_append(out, line,
		      (size_t)snprintf(line, sizeof line, "%s pid=%u uid=%u code=%s value=%d\n", name, info->ssi_pid,
				       info->ssi_uid, code, info->ssi_int));
}

/*
 * Moves up to `count` signals from the pipe to handle->rest, as lines. Returns their number; 0: the process has ended; or
 * -EAGAIN.
 */
static int read_signals(Handle *handle, size_t count)
{
	struct signalfd_siginfo infos[RECORDS];
	ssize_t n = read(inbox_of(handle)->pipe, infos, MIN(count, RECORDS) * sizeof *infos);
	size_t taken;

	if (n < 0)
		return -errno;
	for (taken = 0; taken < (size_t)n / sizeof *infos; taken++)
		append_line(&handle->rest, &infos[taken]);
	return (int)taken;
}

static int lines_open(Handle *handle, BlockMode block)
{
	Entry *entry = registry_get(&inbox_table, handle->object.id);

	if (!entry)
		return -ENOENT;
	handle->state[STATE_ENTRY] = (intptr_t)entry;
	return 0;
}

static ssize_t lines_read(Handle *handle, char *buf, size_t size, BlockMode block)
{
	/* As many signals as certainly fit into the buffer, and at least one. */
	if (!handle->rest.length) {
		int count = read_signals(handle, MAX(1, size / LINE_MAX_BYTES));

		if (count <= 0)
			return count;
	}
	return (ssize_t)buffer_take(&handle->rest, buf, size);
}

static int lines_poll(Handle *handle)
{
	struct pollfd pipe = {.fd = inbox_of(handle)->pipe, .events = POLLIN};

	if (handle->rest.length)
		return POLLIN | POLLRDNORM;
	if (poll(&pipe, 1, 0) <= 0)
		return 0;
	return (pipe.revents & POLLIN ? POLLIN | POLLRDNORM : 0) | (pipe.revents & POLLHUP);
}

static void lines_wait(Handle *handle, Direction direction, size_t size, Wait *out)
{
	*out = (Wait){
		.how = WAIT_FD,
		.fd = inbox_of(handle)->pipe,
		.events = POLLIN,
		.key = {entry_of(handle)->id, 0, 0, (intptr_t)&inbox_lines},
	};
}

static void lines_close(Handle *handle)
{
	entry_unref(&inbox_table, entry_of(handle));
}

const StreamOps inbox_lines = {
	.open = lines_open,
	.read = lines_read,
	.poll = lines_poll,
	.wait = lines_wait,
	.close = lines_close,
};
