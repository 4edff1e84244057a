/*
 * The capacity of pipes: see capacity.h. pipe.c and attributes.c call the functions.
 *
 * Locking: the capacity lock guards Capacity.bytes. It is not held while the kernel changes a capacity, so capacity_set() charges
 * the larger amount first and corrects the charge afterwards.
 */
#include "backends/pipe/capacity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "backends/core/credentials.h"
#include "backends/core/quota.h"
#include "backends/core/refusal.h"

static GMutex lock; /* "The capacity lock". Taken before the quota lock. */

enum { FALLBACK_PAGES = 2 /* as the kernel's PIPE_MIN_DEF_BUFFERS: for the pipes of a user above the soft limit */ };

/* The limits are read from /proc for each charge. */
static Quota capacities = {.what = "bytes of pipes", .error = ENFILE};

/* In bytes; INT64_MAX: no limit. */
typedef struct Limits {
	int64_t largest;    /* one pipe */
	int64_t soft, hard; /* all pipes of a user */
} Limits;

/*
 * Reads a number below /proc/sys/fs. 0, and a file that does not exist, mean that there is no limit. Returns 0, or -ENFILE if
 * the daemon has no descriptor for the file: a user must not exceed a limit because of that.
 */
static int read_limit(const char *path, int64_t unit, int64_t *out)
{
	char text[32];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	int64_t limit;

	*out = INT64_MAX;
	if (fd < 0)
		return errno == EMFILE || errno == ENFILE ? refuse_descriptor(errno) : 0;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	limit = g_ascii_strtoll(text, NULL, 10);
	if (limit > 0 && limit < INT64_MAX / unit)
		*out = limit * unit;
	return 0;
}

static int read_limits(Limits *out)
{
	const int64_t page = sysconf(_SC_PAGESIZE);
	int result = read_limit("/proc/sys/fs/pipe-max-size", 1, &out->largest);

	if (result == 0)
		result = read_limit("/proc/sys/fs/pipe-user-pages-soft", page, &out->soft);
	if (result == 0)
		result = read_limit("/proc/sys/fs/pipe-user-pages-hard", page, &out->hard);
	return result;
}

/* The kernel rounds a size up to whole pages, and their number to a power of two. */
static int64_t round_size(int64_t bytes)
{
	int64_t size = sysconf(_SC_PAGESIZE);

	while (size < bytes)
		size *= 2;
	return size;
}

int64_t capacity_get(const Capacity *capacity)
{
	return fcntl(capacity->fd, F_GETPIPE_SZ);
}

/* As alloc_pipe_info() in the kernel's fs/pipe.c: a user above the soft limit gets two pages. */
int capacity_charge(Capacity *capacity, int fd, uid_t user)
{
	const int64_t fallback = FALLBACK_PAGES * sysconf(_SC_PAGESIZE), given = fcntl(fd, F_GETPIPE_SZ);
	const bool privileged = user == 0;
	Limits limits;
	int result = read_limits(&limits);
	int64_t room;

	if (result < 0)
		return result;
	room = privileged ? given : MIN(given, limits.largest);
	if (!quota_try(&capacities, user, room, privileged ? INT64_MAX : limits.soft)) {
		room = MIN(room, fallback);
		quota_try(&capacities, user, room, INT64_MAX);
	}
	if (!privileged && quota_used(&capacities, user) > limits.hard) {
		quota_release(&capacities, user, room);
		return refuse(ENFILE, "limit reached: %lld bytes of pipes per user (pipe-user-pages-hard): remove some",
			      (long long)limits.hard);
	}
	if (room != given)
		fcntl(fd, F_SETPIPE_SZ, (int)room);
	*capacity = (Capacity){.fd = fd, .user = user, .bytes = room};
	return 0;
}

void capacity_release(Capacity *capacity)
{
	quota_release(&capacities, capacity->user, capacity->bytes);
}

int capacity_set(Capacity *capacity, int64_t bytes)
{
	const int64_t wanted = round_size(bytes);
	Limits limits;
	int64_t reserved, all;
	bool bounded;
	int given, result = read_limits(&limits);

	if (result < 0)
		return result;
	all = MIN(limits.soft, limits.hard);
	g_mutex_lock(&lock);
	reserved = MAX(wanted - capacity->bytes, 0);
	g_mutex_unlock(&lock);
	bounded = geteuid() != 0 && reserved > 0;

	if (bounded && wanted > limits.largest)
		return refuse(EPERM, "capacity is above limits/pipe_max_size (%lld): use a smaller capacity",
			      (long long)limits.largest);
	if (!quota_try(&capacities, capacity->user, reserved, bounded ? all : INT64_MAX))
		return refuse(EPERM, "limit reached: %lld bytes of pipes per user (pipe-user-pages-soft): remove some",
			      (long long)all);
	creds_raise();
	given = fcntl(capacity->fd, F_SETPIPE_SZ, (unsigned)wanted);
	if (given < 0)
		given = -errno;
	creds_lower();
	/* Another caller may have set the capacity meanwhile: the charge follows capacity->bytes. */
	g_mutex_lock(&lock);
	if (given >= 0)
		reserved -= given - capacity->bytes;
	quota_release(&capacities, capacity->user, reserved);
	if (given >= 0)
		capacity->bytes = given;
	g_mutex_unlock(&lock);
	if (given == -EBUSY)
		return refuse(EBUSY, "pipe has more bytes queued than the new capacity: read some first");
	if (given == -EPERM)
		return refuse(
			EPERM,
			"the daemon has no CAP_SYS_RESOURCE for a capacity above limits/pipe_max_size: use a smaller "
			"capacity");
	return MIN(given, 0);
}
