/* The tree: which mechanism stands where. */
#include "backends/tree.h"

#include "backends/core/backend.h"
#include "backends/fifo/fifo.h"
#include "backends/limits.h"
#include "backends/sysv/names.h"
#include "backends/pipe/pipe.h"
#include "backends/posix/mq.h"
#include "backends/posix/sem.h"
#include "backends/posix/shm.h"
#include "backends/signal/tree.h"
#include "backends/socket/tree.h"
#include "backends/sysv/msg.h"
#include "backends/sysv/sem.h"
#include "backends/sysv/shm.h"
#include "backends/core/refusal.h"

void tree_start(const HostSettings *settings)
{
	host_configure(settings);
	names_start(settings->names);
}

static const char readme[] =
	"ipcfs: inter-process communication as files. What you make here is the kernel's own, shared with every program\n"
	"that uses the native calls; what they make appears here. mkdir makes an object, rmdir removes it, ls -l shows it,\n"
	"cat NAME/status prints everything known of it, and each value is a file of its own. From the top of the tree:\n"
	"\n"
	"  mkdir sysv/msg/jobs                   a System V message queue; cat jobs/key prints its key for msgget(2)\n"
	"  echo hello > sysv/msg/jobs/data       one write is one message (msgsnd)\n"
	"  cat sysv/msg/jobs/next                one message, then the end (msgrcv); data: message after message\n"
	"  seq 1000 > sysv/msg/jobs/lines        every line is a message; reading gives lines\n"
	"  cat sysv/msg/jobs/drain               all that is queued now; never waits; peek: without taking it\n"
	"  echo hi > sysv/msg/jobs/type/7/data   a message of type 7; read from type/7, upto-7, except-7\n"
	"  mkdir sysv/msg/0x162e                 a queue with this key; those of other programs are listed by theirs\n"
	"  mv sysv/msg/0x162e sysv/msg/work      gives one a name\n"
	"\n"
	"  mkdir posix/mq/jobs                   a POSIX message queue (mq_open): data, next, lines, drain as above\n"
	"  echo 5 > posix/mq/jobs/maxmsg         another size, while it is empty and nobody uses it; msgsize too\n"
	"  echo now > posix/mq/jobs/prio/9/data  with priority 9; the highest is read first\n"
	"\n"
	"  mkdir sysv/sem/forks                  a set of semaphores: of one, until it is told of more\n"
	"  echo 1 1 1 > sysv/sem/forks/values    three, and what each of them is\n"
	"  echo 0:-1 1:+2 > sysv/sem/forks/op    several at once, or none (semop); undo: until the file is closed\n"
	"  sleep 1 9> sysv/sem/forks/2/hold      waits for 1 and has it until the command ends, however it does\n"
	"  mkdir posix/sem/lock                  the same for sem_open(3), of one semaphore: value, op, hold\n"
	"  echo +1 > posix/sem/lock/op           gives one\n"
	"\n"
	"  mkdir posix/shm/table                 shared memory (shm_open); sysv/shm is the same for System V (shmget)\n"
	"  truncate -s 64M posix/shm/table/data  gives it a size; with > nothing is cut off; programs mmap it\n"
	"\n"
	"  mkdir pipe/p                          a pipe that keeps its bytes while nobody has it open\n"
	"  seq 9 > pipe/p/write                  one end, as of pipe(2)\n"
	"  cat pipe/p/read                       the other end; each waits for the other one\n"
	"  mkfifo fifo/f                         real FIFOs: what you do with them is between you and the kernel\n"
	"\n"
	"  mkdir socket/unix/s                   a conversation; beside unix: unixgram, unixpacket, tcp, udp, ip\n"
	"  echo announce @s > socket/unix/s/ctl  to be called at @s; tcp: announce :80; or connect, bind, hangup\n"
	"  echo hi > socket/unix/dial/@s         calls: the open file is the connection, as tcp/dial/localhost:80 is\n"
	"  cat socket/unix/s/accept              waits for a caller, and is the connection with that one\n"
	"\n"
	"  sleep 99 &                            a process, for what follows\n"
	"  echo TERM > signal/$!/send            signals it; USR1 42 with a value; 0 only asks whether you may\n"
	"  cat signal/self/status                all about one, here your own; exit: a read waits until it has ended\n"
	"  mkdir signal/inbox/mail               what kill(1) sends to the process mail/pid is received as lines\n"
	"  echo USR1 > signal/inbox/mail/send    so is what is sent by the tree\n"
	"  sed 1q signal/inbox/mail/lines        waits for one; a line says what it is, from whom, with what value\n"
	"\n"
	"  cat limits/msgmax                     the kernel's limits; root may write them\n"
	"  cat why                               the last refusal you met, in words\n"
	"\n"
	"Reads wait for a message and writes for room, until a signal; with O_NONBLOCK they say EAGAIN. poll and select work.\n"
	"Manual pages: ipcfs(1), ipcfs(7), and one for each directory: ipcfs-sysv-msg(7), ipcfs-socket(7) and their like.\n";

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
