/*
 * The root of the tree: the directories of all mechanisms, README and why. See backends/tree.h. The tables are const, and the
 * functions take no lock.
 */
#include "backends/tree.h"

#include <string.h>

#include "backends/core/backend.h"
#include "backends/core/refusal.h"
#include "backends/fifo/fifo.h"
#include "backends/limits.h"
#include "backends/pipe/tree.h"
#include "backends/posix/mq.h"
#include "backends/posix/sem.h"
#include "backends/posix/shm.h"
#include "backends/signal/receiver.h"
#include "backends/signal/tree.h"
#include "backends/socket/tree.h"
#include "backends/sysv/msg.h"
#include "backends/sysv/names.h"
#include "backends/sysv/sem.h"
#include "backends/sysv/shm.h"

void tree_start(const HostSettings *settings)
{
	host_configure(settings);
	names_start(settings->names);
}

bool tree_run_helper(int argc, char **argv, int *status)
{
	if (argc < 2 || strcmp(argv[1], SIGNAL_RECEIVER) != 0)
		return false;
	*status = signal_receiver_main(argc, argv);
	return true;
}

static const char readme[] =
	"ipcfs: inter-process communication as files. Every object is a kernel object: the native calls see the objects\n"
	"that you make here, and the tree shows the objects of other programs. mkdir makes an object, rmdir removes it,\n"
	"and cat NAME/status prints all that is known of it. Try these commands at the top of the tree:\n"
	"\n"
	"  mkdir sysv/msg/jobs                   a System V message queue; `cat jobs/key` prints its key for msgget(2)\n"
	"  echo hello > sysv/msg/jobs/data       one write sends one message (msgsnd)\n"
	"  cat sysv/msg/jobs/next                receives one message (msgrcv); `data` receives one after the other\n"
	"  seq 1000 > sysv/msg/jobs/lines        sends each line as a message; a read returns messages as lines\n"
	"  cat sysv/msg/jobs/drain               receives all queued messages and never waits; `peek` only shows them\n"
	"  echo hi > sysv/msg/jobs/type/7/data   sends a message of type 7; read type/7, type/upto-7 or type/except-7\n"
	"  mkdir sysv/msg/0x162e                 a queue with this key; queues of other programs are listed by key\n"
	"  mv sysv/msg/0x162e sysv/msg/work      gives the queue a name\n"
	"\n"
	"  mkdir posix/mq/jobs                   a POSIX message queue (mq_open), with data, next, lines and drain\n"
	"  echo 5 > posix/mq/jobs/maxmsg         resizes the queue while it is empty and unused; so does msgsize\n"
	"  echo now > posix/mq/jobs/prio/9/data  sends with priority 9; the highest priority is received first\n"
	"\n"
	"  mkdir sysv/sem/forks                  a System V semaphore set with one semaphore\n"
	"  echo 1 1 1 > sysv/sem/forks/values    makes it three semaphores, and sets their values\n"
	"  echo 0:-1 1:+2 > sysv/sem/forks/op    makes all changes or none (semop); `undo` reverts them at close\n"
	"  sleep 1 9> sysv/sem/forks/2/hold      waits until it can take 1, and gives it back when the command ends\n"
	"  mkdir posix/sem/lock                  a POSIX semaphore (sem_open), with value, op and hold\n"
	"  echo +1 > posix/sem/lock/op           increments the semaphore (sem_post)\n"
	"\n"
	"  mkdir posix/shm/table                 POSIX shared memory (shm_open); sysv/shm holds that of shmget(2)\n"
	"  truncate -s 64M posix/shm/table/data  sets the size; `>` does not truncate; programs map `data` with mmap(2)\n"
	"\n"
	"  mkdir pipe/p                          a pipe that keeps its bytes while no program has it open\n"
	"  seq 9 > pipe/p/write                  writes to the pipe; blocks while the pipe is full\n"
	"  cat pipe/p/read                       reads from the pipe; blocks while the pipe is empty\n"
	"  mkfifo fifo/f                         a FIFO; the kernel handles its data without ipcfs\n"
	"\n"
	"  mkdir socket/unix/s                   a socket; also in unixgram, unixpacket, tcp, udp and ip/PROTOCOL\n"
	"  echo announce @s > socket/unix/s/ctl  listens at @s; other verbs: connect, bind, hangup, shutdown\n"
	"  echo hi > socket/unix/dial/@s         connects, sends and closes; so does tcp/dial/127.0.0.1:80\n"
	"  cat socket/unix/s/accept              accepts a connection and reads from it\n"
	"\n"
	"  sleep 99 &                            a process to send signals to\n"
	"  echo TERM > signal/$!/send            sends a signal; `USR1 42` adds a value; 0 tests the permission\n"
	"  cat signal/self/status                shows the calling process; a read of `exit` waits until it has ended\n"
	"  mkdir signal/inbox/mail               an inbox: a process that receives signals; its number is in mail/pid\n"
	"  echo USR1 > signal/inbox/mail/send    sends it a signal, as kill(1) does\n"
	"  sed 1q signal/inbox/mail/lines        waits for a signal, and prints its name, sender and value\n"
	"\n"
	"  cat limits/msgmax                     a limit of the kernel; root may write it\n"
	"  cat why                               the reason for your last error\n"
	"\n"
	"Reads block until there is a message, and writes until there is room. With O_NONBLOCK they fail with EAGAIN.\n"
	"A signal interrupts them. poll, select and epoll work. Manual pages: ipcfs(1), ipcfs(7), ipcfs-sysv-msg(7),\n"
	"ipcfs-socket(7), and one for each other directory.\n";

static int readme_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	g_string_append(out, readme);
	return 0;
}

static int why_show(const FileDesc *desc, const Object *object, const Caller *caller, GString *out)
{
	refusal_print(caller->uid, out);
	return 0;
}

static const TextOps readme_text = {.show = readme_show};
static const TextOps why_text = {.show = why_show};

static const FileDesc *const posix_descs[] = {&posix_mq_desc, &posix_sem_desc, &posix_shm_desc, NULL};
static const FileDesc *const sysv_descs[] = {&sysv_msg_desc, &sysv_sem_desc, &sysv_shm_desc, NULL};

static const FileDesc readme_desc = {.name = "README", .kind = TEXT, .mode = 0444, .text = &readme_text};
static const FileDesc why_desc = {.name = "why", .kind = TEXT, .mode = 0444, .text = &why_text};
static const FileDesc sysv_desc = {.name = "sysv", .kind = DIRECTORY, .mode = 0755, .mechanisms = sysv_descs};
static const FileDesc posix_desc = {.name = "posix", .kind = DIRECTORY, .mode = 0755, .mechanisms = posix_descs};

/* clang-format off */
static const FileDesc *const root_descs[] = {
	&readme_desc, &why_desc, &limits_desc, &sysv_desc, &posix_desc, &pipe_desc, &fifo_desc, &signal_desc, &socket_desc,
	NULL,
};
/* clang-format on */

const FileDesc tree_root = {.kind = DIRECTORY, .mode = 0755, .mechanisms = root_descs};
