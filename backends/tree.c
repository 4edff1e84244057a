/* The tree: which mechanism stands where. */
#include "backends/backend.h"
#include "backends/limits.h"
#include "backends/names.h"
#include "backends/posix_sem.h"
#include "backends/sysv_msg.h"
#include "backends/sysv_sem.h"
#include "backends/why.h"

static BackendSettings settings;

static void wake_nobody(const int64_t key[4])
{
	(void)key;
}

void (*backend_wake)(const int64_t key[4]) = wake_nobody;

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
	"that uses the native calls; what they make appears here.\n"
	"\n"
	"  mkdir sysv/msg/jobs            make a System V message queue; rmdir removes it; ls -l shows owner and size\n"
	"  echo hello > sysv/msg/jobs/data       one write is one message (msgsnd)\n"
	"  cat sysv/msg/jobs/next                one message, then the end (msgrcv); waits for one\n"
	"  cat sysv/msg/jobs/data                message after message\n"
	"  seq 1000 > sysv/msg/jobs/lines        every line is a message; reading gives lines\n"
	"  cat sysv/msg/jobs/drain               all that is queued now; never waits\n"
	"  cat sysv/msg/jobs/peek                look without taking: TYPE LENGTH, the bytes\n"
	"  echo hi > sysv/msg/jobs/type/7/data   messages of type 7; upto-7, except-7 to read\n"
	"  cat sysv/msg/jobs/status              everything known; each value is also a file of its own\n"
	"  cat sysv/msg/jobs/key                 the key for msgget(2) in a program\n"
	"  mv sysv/msg/0x0000162e sysv/msg/work  give a name to a queue that another program made\n"
	"\n"
	"  mkdir sysv/sem/lock            make a semaphore; echo 1 1 1 > sysv/sem/forks/values: a set of three\n"
	"  make install 9> sysv/sem/lock/0/hold  waits for 1 and has it until the command ends, however it does\n"
	"  echo -1 > sysv/sem/lock/0/op          wait and take 1 (semop); +1 gives, 0 waits for zero\n"
	"  echo 0:-1 1:+2 > sysv/sem/forks/op    several at once, or none; undo: until the file is closed\n"
	"  echo +1 > posix/sem/lock/op           the same for sem_open(3): value, op, hold\n"
	"\n"
	"  cat limits/msgmax                     the kernel's limits; root may write them\n"
	"  cat why                               the last refusal you met, in words\n"
	"\n"
	"Reads wait for a message and writes for room, until a signal; with O_NONBLOCK they say EAGAIN. poll and select work.\n"
	"Manual pages: ipcfs(1), ipcfs(7), ipcfs-sysv-msg(7), ipcfs-sysv-sem(7), ipcfs-posix-sem(7).\n";

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

static const Row *const posix_rows[] = {&posix_sem_row, NULL};
static const Row *const sysv_rows[] = {&sysv_msg_row, &sysv_sem_row, NULL};

static const Row readme_row = {.name = "README", .kind = TEXT, .mode = 0444, .text = &readme_text};
static const Row why_row = {.name = "why", .kind = TEXT, .mode = 0444, .text = &why_text};
static const Row sysv_row = {.name = "sysv", .kind = DIRECTORY, .mode = 0755, .mechanisms = sysv_rows};
static const Row posix_row = {.name = "posix", .kind = DIRECTORY, .mode = 0755, .mechanisms = posix_rows};

static const Row *const root_rows[] = {&readme_row, &why_row, &limits_row, &posix_row, &sysv_row, NULL};

const Row tree_root = {.kind = DIRECTORY, .mode = 0755, .mechanisms = root_rows};
