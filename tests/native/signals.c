/*
 * signals: sends and receives signals with kill(2), sigwaitinfo(2) and plain file calls for the tests of signal/, one
 * command per run. The program shares no code with ipcfs. The comment above each function describes its command.
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

static int print_errno(void)
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

/* Prints the next signal and returns 1; returns 0 if no signal is pending and `wait` is 0. */
static int print_next(int wait)
{
	const struct timespec now = {0};
	siginfo_t info;
	sigset_t all;

	sigfillset(&all);
	if ((wait ? sigwaitinfo(&all, &info) : sigtimedwait(&all, &info, &now)) < 0) {
		if (!wait && errno == EAGAIN)
			return 0;
		exit(print_errno());
	}
	printf("%d code=%d pid=%d uid=%d value=%d\n", info.si_signo, info.si_code, (int)info.si_pid, (int)info.si_uid,
	       info.si_value.sival_int);
	fflush(stdout);
	return 1;
}

/* receive COUNT: prints `ready`, and then COUNT signals as they arrive. */
static int print_signals(char **argv)
{
	block_all();
	puts("ready");
	fflush(stdout);
	for (int count = atoi(argv[0]); count > 0; count--)
		print_next(1);
	return 0;
}

/* hold: blocks all signals, prints `ready`, waits until USR2 is pending, and then prints all pending signals. */
static int print_pending(char **argv)
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

/* thread: a second thread prints `ready TID` and the next signal; the first thread waits for its end. */
static int print_in_thread(char **argv)
{
	pthread_t receiver;

	(void)argv;
	block_all();
	pthread_create(&receiver, NULL, thread_main, NULL);
	pthread_join(receiver, NULL);
	return 0;
}

/* write PATH TEXT [nonblock]: writes TEXT in one write(2), and prints its result. */
static int write_text(char **argv)
{
	int fd = open(argv[0], O_WRONLY | (argv[2] ? O_NONBLOCK : 0));
	ssize_t n;

	if (fd < 0)
		return print_errno();
	n = write(fd, argv[1], strlen(argv[1]));
	if (n < 0)
		return print_errno();
	printf("%zd\n", n);
	return 0;
}

/* -- A pid that is used again ----------------------------------------------------------------------------------------- */

/* Makes a process with the pid of an earlier process. USR1 ends the new process with status 42. */
static pid_t process_with(pid_t pid, int group)
{
	uint64_t set_tid = (uint64_t)pid;
	struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&set_tid, .set_tid_size = 1};
	sigset_t usr1, old_mask;
	pid_t child;

	/* The child inherits the mask, so that no USR1 arrives before its sigwait(). */
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, &old_mask);
	child = (pid_t)syscall(SYS_clone3, &args, sizeof args);
	if (child == 0) {
		int signal;

		if (group)
			setpgid(0, 0);
		sigwait(&usr1, &signal);
		_exit(42);
	}
	sigprocmask(SIG_SETMASK, &old_mask, NULL);
	return child;
}

/* Writes USR1. Returns "0" or the name of the errno. */
static const char *write_usr1(int fd)
{
	return write(fd, "USR1\n", 5) == 5 ? "0" : strerrorname_np(errno);
}

/*
 * reuse TREE [group]: opens `send` of a process or group, ends the process, and writes. Then makes a process with the
 * same pid, writes to the open file, and opens `send` again relative to the working directory, the directory of the
 * first process. Prints the result of each write, and whether the second process still runs.
 */
static int reuse_pid(char **argv)
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
	usleep(30000); /* so that the start times of the two processes differ by a clock tick */
	held = chdir(path) ? -1 : open("send", O_WRONLY);
	if (held < 0)
		return print_errno();
	kill(first, SIGKILL);
	waitpid(first, NULL, 0);
	printf("ended: %s\n", write_usr1(held));
	second = process_with(first, group);
	if (second != first)
		return print_errno();
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

/* -- Permissions -------------------------------------------------------------------------------------------------------- */

typedef struct Ids {
	uid_t real, effective, saved;
	int session;  /* makes a new session */
	int cap_kill; /* 1: keeps CAP_KILL without being root, -1: drops CAP_KILL as root, 0: unchanged */
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

enum { TARGETS = sizeof targets / sizeof *targets, SENDERS = sizeof senders / sizeof *senders, OTHERS = 2 };

static void assume_ids(const Ids *ids)
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

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), result = 0;

	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) < 0)
		result = errno;
	close(fd);
	return result;
}

static int compare_results(const char *tree, const char *where, const Ids *sender, pid_t pid)
{
	static const struct {
		int number;
		const char *text;
	} signals[] = {{0, "0"}, {SIGURG, "URG"}, {SIGCONT, "CONT"}};
	int wrong = 0;

	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		char path[4096];
		int native = kill(*where ? -pid : pid, signals[i].number) ? errno : 0, file;

		snprintf(path, sizeof path, "%s/signal/%s%d/send", tree, where, (int)pid);
		file = write_file(path, signals[i].text);
		if (native == file)
			continue;
		wrong++;
		printf("%u/%u/%u cap %d to %s%d %s: kill(2) returns %d, the file %d\n", sender->real, sender->effective,
		       sender->saved, sender->cap_kill, where, (int)pid, signals[i].text, native, file);
	}
	return wrong;
}

/*
 * matrix TREE DAEMON GROUP...: starts a process for each of `targets`. Each of `senders` signals each process, init,
 * DAEMON and the groups, with kill(2) and with the file `send`. Prints the cases in which the two results differ, and
 * their number.
 */
static int compare_matrix(char **argv)
{
	pid_t pids[TARGETS + OTHERS] = {1, atoi(argv[1])};
	int wrong = 0, compared = 0, ready[2];
	char byte;

	if (pipe(ready))
		return print_errno();
	for (int i = 0; i < TARGETS; i++) {
		pids[OTHERS + i] = fork();
		if (pids[OTHERS + i] == 0) {
			assume_ids(&targets[i]);
			if (write(ready[1], "", 1) == 1)
				for (;;)
					pause();
			_exit(0);
		}
	}
	for (int i = 0; i < TARGETS; i++)
		if (read(ready[0], &byte, 1) != 1)
			return print_errno();
	for (int i = 0; i < SENDERS; i++) {
		pid_t sender = fork();
		int status;

		if (sender == 0) {
			int differing = 0;

			assume_ids(&senders[i]);
			for (int j = 0; j < TARGETS + OTHERS; j++)
				differing += compare_results(argv[0], "", &senders[i], pids[j]);
			for (char **group = argv + 2; *group; group++)
				differing += compare_results(argv[0], "group/", &senders[i], atoi(*group));
			fflush(stdout);
			_exit(differing);
		}
		waitpid(sender, &status, 0);
		wrong += WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
		compared += TARGETS + OTHERS;
		for (char **group = argv + 2; *group; group++)
			compared++;
	}
	for (int i = 0; i < TARGETS; i++) {
		kill(pids[OTHERS + i], SIGKILL);
		waitpid(pids[OTHERS + i], NULL, 0);
	}
	printf("%d compared, %d differ\n", compared, wrong);
	return wrong != 0;
}

/*
 * mates UID...: makes a process group with a process for each uid. Its leader ends at once. Prints the number of the
 * group.
 */
static int make_group(char **argv)
{
	pid_t leader = fork();

	if (leader == 0) {
		setpgid(0, 0);
		for (char **uid = argv; *uid; uid++) {
			if (fork() != 0)
				continue;
			if (setresuid((uid_t)atoi(*uid), (uid_t)atoi(*uid), (uid_t)atoi(*uid)))
				_exit(1);
			/* The test reads the output up to end of file. */
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
	{"receive", 1, 1, print_signals}, {"hold", 0, 0, print_pending}, {"thread", 0, 0, print_in_thread},
	{"write", 2, 3, write_text},      {"reuse", 1, 2, reuse_pid},    {"matrix", 2, 9, compare_matrix},
	{"mates", 1, 9, make_group},
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
