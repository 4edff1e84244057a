/* The tree: which mechanism stands where. */
#include "backends/backend.h"
#include "backends/fifo.h"
#include "backends/limits.h"
#include "backends/names.h"
#include "backends/pipe.h"
#include "backends/posix_mq.h"
#include "backends/posix_sem.h"
#include "backends/posix_shm.h"
#include "backends/signal.h"
#include "backends/socket_tree.h"
#include "backends/sysv_msg.h"
#include "backends/sysv_sem.h"
#include "backends/sysv_shm.h"
#include "backends/why.h"

static BackendSettings settings;

static void wake_nobody(const int64_t key[4])
{
	(void)key;
}

void (*backend_wake)(const int64_t key[4]) = wake_nobody;

static bool never(void)
{
	return false;
}

bool (*backend_interrupted)(void) = never;

static uint64_t no_number(const Row *row, const Object *object)
{
	(void)row, (void)object;
	return 0;
}

uint64_t (*backend_inode)(const Row *row, const Object *object) = no_number;

void backends_start(const BackendSettings *given)
{
	settings = *given;
	names_start(settings.names);
}

const BackendSettings *backends_settings(void)
{
	return &settings;
}

static const char readme[] =
	"ipcfs: inter-process communication as files. What you make here is the kernel's own, shared with every program\n"
	"that uses the native calls; what they make appears here. mkdir makes an object, rmdir removes it, ls -l shows it,\n"
	"cat NAME/status prints everything known of it, and each value is a file of its own.\n"
	"\n"
	"  mkdir sysv/msg/jobs                   a System V message queue; cat jobs/key prints its key for msgget(2)\n"
	"  echo hello > sysv/msg/jobs/data       one write is one message (msgsnd)\n"
	"  cat sysv/msg/jobs/next                one message, then the end (msgrcv); data: message after message\n"
	"  seq 1000 > sysv/msg/jobs/lines        every line is a message; reading gives lines\n"
	"  cat sysv/msg/jobs/drain               all that is queued now; never waits; peek: without taking it\n"
	"  echo hi > sysv/msg/jobs/type/7/data   messages of type 7; upto-7, except-7 to read\n"
	"  mv sysv/msg/0x0000162e sysv/msg/work  give a name to a queue that another program made\n"
	"\n"
	"  mkdir posix/mq/jobs                   a POSIX message queue (mq_open): data, next, lines, drain as above\n"
	"  echo now > posix/mq/jobs/prio/9/data  with priority 9; the highest is read first\n"
	"  echo 5 > posix/mq/jobs/maxmsg         another size, while it is empty and nobody uses it; msgsize too\n"
	"\n"
	"  mkdir sysv/sem/lock                   semaphores; echo 1 1 1 > sysv/sem/forks/values: a set of three\n"
	"  make 9> sysv/sem/lock/0/hold          waits for 1 and has it until the command ends, however it does\n"
	"  echo 0:-1 1:+2 > sysv/sem/forks/op    several at once, or none (semop); undo: until the file is closed\n"
	"  echo +1 > posix/sem/lock/op           the same for sem_open(3): value, op, hold\n"
	"\n"
	"  mkdir posix/shm/table                 shared memory (shm_open); sysv/shm is the same for System V (shmget)\n"
	"  truncate -s 64M posix/shm/table/data  give it a size; with > nothing is cut off; programs mmap it\n"
	"\n"
	"  mkdir pipe/p                          a pipe that keeps its bytes while nobody has it open\n"
	"  seq 9 > pipe/p/write; cat pipe/p/read its two ends, as of pipe(2); waits for the other one\n"
	"  mkfifo fifo/f                         real FIFOs: what you do with them is between you and the kernel\n"
	"\n"
	"  echo TERM > signal/1234/send          signal a process; USR1 42 with a value; 0 only asks whether you may\n"
	"  cat signal/1234/exit                  waits until the process has ended; signal/self is your own\n"
	"  mkdir signal/inbox/mail               receive: cat mail/lines, while others kill -USR1 $(cat mail/pid)\n"
	"\n"
	"  cat limits/msgmax                     the kernel's limits; root may write them\n"
	"  cat why                               the last refusal you met, in words\n"
	"\n"
	"Reads wait for a message and writes for room, until a signal; with O_NONBLOCK they say EAGAIN. poll and select work.\n"
	"Manual pages: ipcfs(1), ipcfs(7), and one for each directory, such as ipcfs-sysv-msg(7).\n";

static int readme_show(const Row *row, const Object *object, const Caller *caller, GString *out)
{
	(void)row, (void)object, (void)caller;
	g_string_append(out, readme);
	return 0;
}

static int why_show(const Row *row, const Object *object, const Caller *caller, GString *out)
{
	(void)row, (void)object;
	why_print(caller->uid, out);
	return 0;
}

static const TextOps readme_text = {.show = readme_show};
static const TextOps why_text = {.show = why_show};

static const Row *const posix_rows[] = {&posix_mq_row, &posix_sem_row, &posix_shm_row, NULL};
static const Row *const sysv_rows[] = {&sysv_msg_row, &sysv_sem_row, &sysv_shm_row, NULL};

static const Row readme_row = {.name = "README", .kind = TEXT, .mode = 0444, .text = &readme_text};
static const Row why_row = {.name = "why", .kind = TEXT, .mode = 0444, .text = &why_text};
static const Row sysv_row = {.name = "sysv", .kind = DIRECTORY, .mode = 0755, .mechanisms = sysv_rows};
static const Row posix_row = {.name = "posix", .kind = DIRECTORY, .mode = 0755, .mechanisms = posix_rows};

/* clang-format off */
static const Row *const root_rows[] = {
	&readme_row, &why_row, &limits_row, &sysv_row, &posix_row, &pipe_row, &fifo_row, &signal_row, &socket_row,
	NULL,
};
/* clang-format on */

const Row tree_root = {.kind = DIRECTORY, .mode = 0755, .mechanisms = root_rows};
