/*
 * signals: the other side of the tests of signal/. It knows kill(2), sigwaitinfo(2) and plain file calls, one command a run,
 * and shares no code with ipcfs.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int refused(void)
{
	fprintf(stderr, "%s\n", strerrorname_np(errno));
	return 1;
}

static void block_all(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
}

/* Prints the next signal; 0 if there is none and `wait` is 0. */
static int print_next(int wait)
{
	const struct timespec now = {0};
	siginfo_t info;
	sigset_t all;

	sigfillset(&all);
	if ((wait ? sigwaitinfo(&all, &info) : sigtimedwait(&all, &info, &now)) < 0) {
		if (!wait && errno == EAGAIN)
			return 0;
		exit(refused());
	}
	printf("%d code=%d pid=%d uid=%d value=%d\n", info.si_signo, info.si_code, (int)info.si_pid, (int)info.si_uid,
	       info.si_value.sival_int);
	fflush(stdout);
	return 1;
}

/* receive COUNT: prints `ready`, then what each of COUNT signals carries. */
static int receive(char **argv)
{
	block_all();
	puts("ready");
	fflush(stdout);
	for (int count = atoi(argv[0]); count > 0; count--)
		print_next(1);
	return 0;
}

/* hold: blocks all signals, prints `ready`, and takes none until USR2 is pending too; then all, by sigwaitinfo. */
static int hold(char **argv)
{
	sigset_t pending;

	(void)argv;
	block_all();
	puts("ready");
	fflush(stdout);
	do {
		usleep(2000);
		sigpending(&pending);
	} while (!sigismember(&pending, SIGUSR2));
	while (print_next(0))
		;
	return 0;
}

static void *thread_main(void *unused)
{
	printf("ready %d\n", (int)syscall(SYS_gettid));
	fflush(stdout);
	print_next(1);
	return unused;
}

/* thread: a second thread prints `ready TID` and the signal that it gets; the first one waits for it. */
static int thread(char **argv)
{
	pthread_t other;

	(void)argv;
	block_all();
	pthread_create(&other, NULL, thread_main, NULL);
	pthread_join(other, NULL);
	return 0;
}

/* write PATH TEXT [nonblock]: one write(2), and what it said. */
static int write_text(char **argv)
{
	int fd = open(argv[0], O_WRONLY | (argv[2] ? O_NONBLOCK : 0));
	ssize_t n;

	if (fd < 0)
		return refused();
	n = write(fd, argv[1], strlen(argv[1]));
	if (n < 0)
		return refused();
	printf("%zd\n", n);
	return 0;
}

/* -- A number that is used again -------------------------------------------------------------------------------------- */

/* A process with this number, which some other one has had. It ends with 42 at USR1, with 0 when its stdin does. */
static pid_t process_with(pid_t pid, int group)
{
	uint64_t set_tid = (uint64_t)pid;
	struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&set_tid, .set_tid_size = 1};
	sigset_t one, before;
	pid_t child;

	/* Blocked from its first moment on. */
	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	sigprocmask(SIG_BLOCK, &one, &before);
	child = (pid_t)syscall(SYS_clone3, &args, sizeof args);
	if (child == 0) {
		int signal;

		if (group)
			setpgid(0, 0);
		sigwait(&one, &signal);
		_exit(42);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return child;
}

/* What a write of USR1 says: "0" or the errno. */
static const char *write_usr1(int fd)
{
	return write(fd, "USR1\n", 5) == 5 ? "0" : strerrorname_np(errno);
}

/*
 * reuse TREE [group]: opens a process's (group's) `send`, lets that process end and another take its number, writes, and
 * opens it again from within the directory it was in; prints what each said, and whether the new one is untouched.
 */
static int reuse(char **argv)
{
	int group = argv[1] != NULL;
	char path[4096];
	pid_t first = fork(), second;
	int held, status;

	if (first == 0) {
		if (group)
			setpgid(0, 0);
		pause();
		_exit(0);
	}
	setpgid(first, group ? 0 : getpgrp());
	snprintf(path, sizeof path, "%s/signal/%s%d", argv[0], group ? "group/" : "", (int)first);
	usleep(30000); /* so that the two do not start in one tick of the clock */
	held = chdir(path) ? -1 : open("send", O_WRONLY);
	if (held < 0)
		return refused();
	kill(first, SIGKILL);
	waitpid(first, NULL, 0);
	printf("ended: %s\n", write_usr1(held));
	second = process_with(first, group);
	if (second != first)
		return refused();
	setpgid(second, group ? 0 : getpgrp());
	printf("held: %s\n", write_usr1(held));
	close(held);
	held = open("send", O_WRONLY);
	printf("relative: %s\n", held < 0 ? strerrorname_np(errno) : write_usr1(held));
	usleep(50000);
	printf("untouched: %d\n", waitpid(second, &status, WNOHANG) == 0);
	kill(second, SIGUSR1);
	waitpid(second, &status, 0);
	return WEXITSTATUS(status) != 42;
}

/* -- Who may signal whom ------------------------------------------------------------------------------------------------ */

typedef struct Ids {
	uid_t real, effective, saved;
	int session;  /* of its own */
	int cap_kill; /* 1: has it though not root, -1: has it not though root */
} Ids;

static const Ids targets[] = {
	{0, 0, 0, 0, 0},       {1000, 1000, 1000, 0, 0}, {1001, 1001, 1001, 1, 0}, {1002, 1002, 1002, 1, 0},
	{0, 1000, 1000, 1, 0}, {1000, 1001, 1002, 1, 0}, {1001, 1000, 1002, 1, 0}, {1002, 1002, 1000, 1, 0},
	{1000, 0, 0, 1, 0},    {1002, 1000, 1002, 0, 0}, {0, 1002, 0, 1, 0},       {1000, 1000, 1000, 1, 0},
};

static const Ids senders[] = {
	{0, 0, 0, 0, 0},          {1000, 1000, 1000, 0, 0}, {1001, 1001, 1001, 1, 0}, {1002, 1002, 1002, 1, 0},
	{1000, 1001, 1001, 1, 0}, {1001, 1002, 1000, 0, 0}, {1002, 1000, 1002, 1, 0}, {0, 1000, 0, 1, 0},
	{1000, 0, 0, 1, 0},       {0, 1001, 1002, 1, 0},    {1000, 1000, 1000, 1, 1}, {0, 0, 0, 1, -1},
	{1001, 1001, 1001, 0, 1}, {1001, 0, 0, 1, -1},
};

enum { TARGETS = sizeof targets / sizeof *targets, SENDERS = sizeof senders / sizeof *senders, FIXED = 2 };

static void take_ids(const Ids *ids)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2];

	if (ids->session)
		setsid();
	if (ids->cap_kill > 0)
		prctl(PR_SET_KEEPCAPS, 1);
	if (setresuid(ids->real, ids->effective, ids->saved))
		_exit(99);
	if (ids->cap_kill == 0)
		return;
	if (syscall(SYS_capget, &header, caps))
		_exit(98);
	if (ids->cap_kill > 0)
		caps[0].effective = 1U << CAP_KILL;
	else
		caps[0].effective &= ~(1U << CAP_KILL);
	if (syscall(SYS_capset, &header, caps))
		_exit(97);
}

static int by_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), result = 0;

	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) < 0)
		result = errno;
	close(fd);
	return result;
}

static int compare(const char *tree, const char *where, const Ids *sender, pid_t pid)
{
	static const struct {
		int number;
		const char *text;
	} asked[] = {{0, "0"}, {SIGURG, "URG"}, {SIGCONT, "CONT"}};
	int wrong = 0;

	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
		char path[4096];
		int native = kill(*where ? -pid : pid, asked[i].number) ? errno : 0, file;

		snprintf(path, sizeof path, "%s/signal/%s%d/send", tree, where, (int)pid);
		file = by_file(path, asked[i].text);
		if (native == file)
			continue;
		wrong++;
		printf("%u/%u/%u cap %d to %s%d %s: kill says %d, the file %d\n", sender->real, sender->effective,
		       sender->saved, sender->cap_kill, where, (int)pid, asked[i].text, native, file);
	}
	return wrong;
}

/*
 * matrix TREE DAEMON GROUP...: processes of many users; each sender asks about each of them, about init and DAEMON, and
 * about the groups, by kill(2) and by file. Prints where the two differ, and how many were compared.
 */
static int matrix(char **argv)
{
	pid_t pids[TARGETS + FIXED] = {1, atoi(argv[1])};
	int wrong = 0, compared = 0, ready[2];
	char byte;

	if (pipe(ready))
		return refused();
	for (int i = 0; i < TARGETS; i++) {
		pids[FIXED + i] = fork();
		if (pids[FIXED + i] == 0) {
			take_ids(&targets[i]);
			if (write(ready[1], "", 1) == 1)
				for (;;)
					pause();
			_exit(0);
		}
	}
	for (int i = 0; i < TARGETS; i++)
		if (read(ready[0], &byte, 1) != 1)
			return refused();
	for (int i = 0; i < SENDERS; i++) {
		pid_t sender = fork();
		int status;

		if (sender == 0) {
			int mine = 0;

			take_ids(&senders[i]);
			for (int j = 0; j < TARGETS + FIXED; j++)
				mine += compare(argv[0], "", &senders[i], pids[j]);
			for (char **group = argv + 2; *group; group++)
				mine += compare(argv[0], "group/", &senders[i], atoi(*group));
			fflush(stdout);
			_exit(mine);
		}
		waitpid(sender, &status, 0);
		wrong += WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
		compared += TARGETS + FIXED;
		for (char **group = argv + 2; *group; group++)
			compared++;
	}
	for (int i = 0; i < TARGETS; i++) {
		kill(pids[FIXED + i], SIGKILL);
		waitpid(pids[FIXED + i], NULL, 0);
	}
	printf("%d compared, %d differ\n", compared, wrong);
	return wrong != 0;
}

/* mates UID...: a group led by a process that ends at once; prints its number; its members, with these uids, wait. */
static int mates(char **argv)
{
	pid_t leader = fork();

	if (leader == 0) {
		setpgid(0, 0);
		for (char **uid = argv; *uid; uid++) {
			if (fork() != 0)
				continue;
			if (setresuid((uid_t)atoi(*uid), (uid_t)atoi(*uid), (uid_t)atoi(*uid)))
				_exit(1);
			/* Whoever reads the output waits for its end. */
			close(STDOUT_FILENO);
			for (;;)
				pause();
		}
		_exit(0);
	}
	waitpid(leader, NULL, 0);
	printf("%d\n", (int)leader);
	return 0;
}

static const struct {
	const char *name;
	int min, max;
	int (*run)(char **argv);
} commands[] = {
	{"receive", 1, 1, receive}, {"hold", 0, 0, hold},     {"thread", 0, 0, thread}, {"write", 2, 3, write_text},
	{"reuse", 1, 2, reuse},     {"matrix", 2, 9, matrix}, {"mates", 1, 9, mates},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
		if (strcmp(commands[i].name, argv[1]) == 0 && argc - 2 >= commands[i].min &&
		    argc - 2 <= commands[i].max)
			return commands[i].run(argv + 2);
	fprintf(stderr, "signals: see the comments in signals.c\n");
	return 2;
}
