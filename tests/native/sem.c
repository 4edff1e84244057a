/*
 * sem: makes the native calls of semaphores for the tests in tests/mount/: semop(2), sem_open(3) and sem_init(3). The
 * program shares no code with ipcfs. If a call fails, the program prints the name of the errno to stderr and exits with
 * status 1. After wrong usage it exits with status 2.
 *
 *	sem sysv-VERB SET ARGUMENTS		make SIZE, remove, values, set NUMBER VALUE, op FLAGS OPS
 *	sem posix-VERB NAME [VALUE]		make VALUE, unlink, wait, try, post, get
 *	sem unnamed-VERB MEMORY OFFSET [VALUE]	init VALUE, init-private VALUE, wait, try, post, get
 *
 * SET is a key (0x1234) or an id (id-7). Each of OPS is NUMBER:CHANGE. MEMORY is the path of a file, which is mapped,
 * or the key of a System V segment.
 */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

enum { OPS_MAX = 64 };

static int print_errno(void)
{
	fprintf(stderr, "%s\n", strerrorname_np(errno));
	return 1;
}

static int usage_error(void)
{
	fputs("sem: wrong usage: see tests/native/sem.c\n", stderr);
	return 2;
}

/* -- System V ------------------------------------------------------------------------------------------------------- */

static int id_or_exit(const char *text)
{
	int id = strncmp(text, "id-", 3) == 0 ? atoi(text + 3) : semget((key_t)strtoul(text, NULL, 0), 0, 0);

	if (id < 0)
		exit(print_errno());
	return id;
}

static int print_values(int id)
{
	unsigned short values[1024];
	struct semid_ds ds;

	if (semctl(id, 0, IPC_STAT, &ds) || semctl(id, 0, GETALL, values))
		return print_errno();
	for (unsigned long i = 0; i < ds.sem_nsems; i++)
		printf("%s%u", i ? " " : "", values[i]);
	putchar('\n');
	return 0;
}

/*
 * `letters`: n IPC_NOWAIT, u SEM_UNDO, - none. With u the process runs until it is killed or until its stdin reaches
 * end of file.
 */
static int run_op(int id, const char *letters, char **words)
{
	struct sembuf ops[OPS_MAX];
	short flags = (strchr(letters, 'n') ? IPC_NOWAIT : 0) | (strchr(letters, 'u') ? SEM_UNDO : 0);
	size_t count = 0;

	for (; *words && count < OPS_MAX; words++) {
		char *colon = strchr(*words, ':');

		if (!colon)
			return usage_error();
		ops[count++] = (struct sembuf){(unsigned short)atoi(*words), (short)atoi(colon + 1), flags};
	}
	if (semop(id, ops, count))
		return print_errno();
	if (flags & SEM_UNDO)
		while (getchar() != EOF)
			;
	return 0;
}

static int run_sysv(const char *verb, char **arguments)
{
	int id;

	if (strcmp(verb, "make") == 0) {
		id = semget((key_t)strtoul(arguments[0], NULL, 0), atoi(arguments[1]), IPC_CREAT | IPC_EXCL | 0600);
		return id < 0 ? print_errno() : printf("%d\n", id) < 0;
	}
	id = id_or_exit(arguments[0]);
	if (strcmp(verb, "remove") == 0)
		return semctl(id, 0, IPC_RMID) ? print_errno() : 0;
	if (strcmp(verb, "values") == 0)
		return print_values(id);
	if (strcmp(verb, "set") == 0)
		return semctl(id, atoi(arguments[1]), SETVAL, atoi(arguments[2])) ? print_errno() : 0;
	if (strcmp(verb, "op") == 0)
		return run_op(id, arguments[1], arguments + 2);
	return usage_error();
}

/* -- POSIX ---------------------------------------------------------------------------------------------------------- */

static int run_verb(sem_t *sem, const char *verb)
{
	int value;

	if (strcmp(verb, "wait") == 0)
		return sem_wait(sem) ? print_errno() : 0;
	if (strcmp(verb, "try") == 0)
		return sem_trywait(sem) ? print_errno() : 0;
	if (strcmp(verb, "post") == 0)
		return sem_post(sem) ? print_errno() : 0;
	if (strcmp(verb, "get") == 0)
		return sem_getvalue(sem, &value) ? print_errno() : printf("%d\n", value) < 0;
	return usage_error();
}

static int run_posix(const char *verb, char **arguments)
{
	sem_t *sem;

	if (strcmp(verb, "unlink") == 0)
		return sem_unlink(arguments[0]) ? print_errno() : 0;
	if (strcmp(verb, "make") == 0)
		sem = sem_open(arguments[0], O_CREAT | O_EXCL, 0600, (unsigned)atoi(arguments[1]));
	else
		sem = sem_open(arguments[0], 0);
	if (sem == SEM_FAILED)
		return print_errno();
	return strcmp(verb, "make") == 0 ? 0 : run_verb(sem, verb);
}

static char *map_or_exit(const char *text)
{
	char *memory = MAP_FAILED;

	if (text[0] == '/') {
		int fd = open(text, O_RDWR);

		if (fd >= 0)
			memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	} else {
		int id = shmget((key_t)strtoul(text, NULL, 0), 0, 0);

		if (id >= 0)
			memory = shmat(id, NULL, 0);
	}
	if (memory == MAP_FAILED)
		exit(print_errno());
	return memory;
}

static int run_unnamed(const char *verb, char **arguments)
{
	sem_t *sem = (sem_t *)(void *)(map_or_exit(arguments[0]) + atoi(arguments[1]));

	if (strcmp(verb, "init") == 0)
		return sem_init(sem, 1, (unsigned)atoi(arguments[2])) ? print_errno() : 0;
	if (strcmp(verb, "init-private") == 0)
		return sem_init(sem, 0, (unsigned)atoi(arguments[2])) ? print_errno() : 0;
	return run_verb(sem, verb);
}

int main(int argc, char **argv)
{
	const char *verb;

	if (argc < 3)
		return usage_error();
	verb = strchr(argv[1], '-');
	if (!verb)
		return usage_error();
	if (strncmp(argv[1], "sysv-", 5) == 0)
		return run_sysv(verb + 1, argv + 2);
	if (strncmp(argv[1], "posix-", 6) == 0)
		return run_posix(verb + 1, argv + 2);
	if (strncmp(argv[1], "unnamed-", 8) == 0)
		return run_unnamed(verb + 1, argv + 2);
	return usage_error();
}
