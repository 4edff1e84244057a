/*
 * sem_torture: two stress tests of semaphores.
 *
 * sem_torture kill HOLD FILE PROCESSES KILLS: each process opens HOLD, increments a counter in FILE and closes HOLD,
 * again and again. Meanwhile the program kills and replaces KILLS processes, three times out of four the one that has
 * HOLD open. No increment that a process has completed may be lost.
 *
 * sem_torture dine OP KEY PHILOSOPHERS MEALS: the dining philosophers. Every second philosopher decrements both
 * semaphores with a line written to OP, the others with semop(2). Two neighbours must never eat at the same time, and
 * each must get its meals.
 *
 * Prints the number of increments or meals. Exits with status 1 if one was lost or a rule was broken.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

enum { INSTANCES = 8192, PLACES = 64, RECORDS = 1 << 20 };

static struct Shared {
	int stop;
	int holder; /* the pid of the process in the critical section; 0: none */
	int wrong;
	uint32_t done[INSTANCES]; /* the increments that each process has completed */
	int eating[PLACES];
	int meals[PLACES];
} * shared;

static void need(int good, const char *what)
{
	if (good)
		return;
	perror(what);
	if (shared)
		__atomic_store_n(&shared->wrong, 1, __ATOMIC_SEQ_CST);
	_exit(1);
}

static long number(const char *text)
{
	return strtol(text, NULL, 0);
}

/* -- Counting ------------------------------------------------------------------------------------------------------- */

/* FILE has the counter, and then a record for each increment: the process, and its number of increments so far. */
typedef struct Record {
	uint32_t instance, times;
} Record;

/*
 * Writes the record, and then the counter. A process that is killed in between has made no increment; the next process
 * overwrites the record.
 */
static void add(int fd, uint32_t instance)
{
	uint64_t count;
	const Record record = {instance, shared->done[instance] + 1};

	need(pread(fd, &count, sizeof count, 0) == sizeof count, "pread");
	need(pwrite(fd, &record, sizeof record, (off_t)(sizeof count + count * sizeof record)) == sizeof record,
	     "pwrite");
	count++;
	need(pwrite(fd, &count, sizeof count, 0) == sizeof count, "pwrite");
	shared->done[instance]++;
}

static void count_until_stopped(const char *hold, const char *file, uint32_t instance)
{
	int fd = open(file, O_RDWR);

	need(fd >= 0, file);
	while (!__atomic_load_n(&shared->stop, __ATOMIC_SEQ_CST)) {
		int lock = open(hold, O_WRONLY);

		need(lock >= 0, hold);
		__atomic_store_n(&shared->holder, getpid(), __ATOMIC_SEQ_CST);
		add(fd, instance);
		__atomic_store_n(&shared->holder, 0, __ATOMIC_SEQ_CST);
		close(lock);
	}
	_exit(0);
}

static pid_t start_counting(char **arguments, uint32_t instance)
{
	pid_t pid = fork();

	need(pid >= 0, "fork");
	if (pid == 0)
		count_until_stopped(arguments[0], arguments[1], instance);
	return pid;
}

/* FILE must have every increment exactly once. */
static int check_file(const char *file, uint32_t instances, long kills)
{
	static uint32_t seen[INSTANCES];
	static Record records[RECORDS];
	int fd = open(file, O_RDONLY);
	uint64_t count = 0, known = 0;
	int wrong = shared->wrong;

	need(fd >= 0 && pread(fd, &count, sizeof count, 0) == sizeof count && count < RECORDS, file);
	need(pread(fd, records, count * sizeof *records, sizeof count) == (ssize_t)(count * sizeof *records), file);
	for (uint64_t i = 0; i < count; i++) {
		uint32_t instance = records[i].instance;

		/* The file may be ahead by one: the process was killed between its write and its count in `done`. */
		if (instance >= instances || records[i].times != ++seen[instance] ||
		    records[i].times > shared->done[instance] + 1)
			wrong = 1;
	}
	for (uint32_t i = 0; i < instances; i++) {
		known += shared->done[i];
		if (seen[i] < shared->done[i])
			wrong = 1;
	}
	printf("%llu increments, %llu known, %ld killed%s\n", (unsigned long long)count, (unsigned long long)known,
	       kills, wrong ? ": WRONG" : "");
	return wrong;
}

static int run_kill(char **arguments)
{
	const int processes = (int)number(arguments[2]);
	const long kills = number(arguments[3]);
	pid_t *pids = calloc((size_t)processes, sizeof *pids);
	uint32_t instances = 0;
	const uint64_t zero = 0;
	int fd = open(arguments[1], O_RDWR | O_CREAT | O_TRUNC, 0600);

	need(fd >= 0 && write(fd, &zero, sizeof zero) == sizeof zero, arguments[1]);
	for (int i = 0; i < processes; i++)
		pids[i] = start_counting(arguments, instances++);
	srand(1);
	for (long killed = 0; killed < kills && instances < INSTANCES; killed++) {
		int victim = rand() % processes;

		usleep((useconds_t)(500 + rand() % 3000));
		for (int tries = 0, holder = 0; killed % 4 && tries < 10000 && !holder; tries++) {
			holder = __atomic_load_n(&shared->holder, __ATOMIC_SEQ_CST);
			for (int i = 0; i < processes; i++)
				if (pids[i] == holder)
					victim = i;
		}
		kill(pids[victim], SIGKILL);
		need(waitpid(pids[victim], NULL, 0) == pids[victim], "waitpid");
		pids[victim] = start_counting(arguments, instances++);
	}
	__atomic_store_n(&shared->stop, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < processes; i++)
		waitpid(pids[i], NULL, 0);
	free(pids);
	return check_file(arguments[1], instances, kills);
}

/* -- Dining --------------------------------------------------------------------------------------------------------- */

static void change_forks(int fd, int set, int left, int right, int by)
{
	char line[64];
	struct sembuf ops[] = {{(unsigned short)left, (short)by, 0}, {(unsigned short)right, (short)by, 0}};
	int length = snprintf(line, sizeof line, "%d:%+d %d:%+d\n", left, by, right, by);

	if (left % 2)
		need(write(fd, line, (size_t)length) == length, "write");
	else
		need(semop(set, ops, 2) == 0, "semop");
}

static void dine(const char *op, int set, int place, int places, int meals)
{
	int left = place, right = (place + 1) % places;
	int fd = open(op, O_WRONLY);

	need(fd >= 0, op);
	while (meals-- > 0) {
		change_forks(fd, set, left, right, -1);
		if (__atomic_exchange_n(&shared->eating[place], 1, __ATOMIC_SEQ_CST) ||
		    __atomic_load_n(&shared->eating[right], __ATOMIC_SEQ_CST) ||
		    __atomic_load_n(&shared->eating[(place + places - 1) % places], __ATOMIC_SEQ_CST))
			shared->wrong = 1;
		if (meals % 8 == 0)
			usleep(200);
		shared->meals[place]++;
		__atomic_store_n(&shared->eating[place], 0, __ATOMIC_SEQ_CST);
		change_forks(fd, set, left, right, 1);
	}
	_exit(0);
}

static int run_dine(char **arguments)
{
	const int places = (int)number(arguments[2]), meals = (int)number(arguments[3]);
	int set = semget((key_t)strtoul(arguments[1], NULL, 0), 0, 0), eaten = 0;

	need(set >= 0, "semget");
	for (int i = 0; i < places; i++)
		if (fork() == 0)
			dine(arguments[0], set, i, places, meals);
	while (wait(NULL) > 0)
		;
	for (int i = 0; i < places; i++)
		eaten += shared->meals[i];
	printf("%d of %d meals%s\n", eaten, places * meals, shared->wrong ? ": WRONG" : "");
	return shared->wrong || eaten != places * meals;
}

int main(int argc, char **argv)
{
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	need(shared != MAP_FAILED, "mmap");
	if (argc == 6 && strcmp(argv[1], "kill") == 0)
		return run_kill(argv + 2);
	if (argc == 6 && strcmp(argv[1], "dine") == 0)
		return run_dine(argv + 2);
	fputs("wrong usage: see tests/native/sem_torture.c\n", stderr);
	return 2;
}
