/*
 * The other side of the tests of semaphores: a program that knows semop, sem_open and sem_init, and nothing of ipcfs. As
 * `native`, it prints the name of the errno of a call that fails to stderr and ends with 1; wrong usage ends it with 2.
 *
 * SET is a key (0x1234) or an id (id-7); OPS are written NUMBER:CHANGE; MEMORY is a path of a file to map or a key of a
 * System V segment.
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

static int refused(void)
{
	fprintf(stderr, "%s\n", strerrorname_np(errno));
	return 1;
}

static int misused(void)
{
	fputs("wrong usage: see tests/native/sem.c\n", stderr);
	return 2;
}

/* -- System V ------------------------------------------------------------------------------------------------------- */

static int set_of(const char *text)
{
	int id = strncmp(text, "id-", 3) == 0 ? atoi(text + 3) : semget((key_t)strtoul(text, NULL, 0), 0, 0);

	if (id < 0)
		exit(refused());
	return id;
}

static int show_values(int id)
{
	unsigned short values[1024];
	struct semid_ds ds;

	if (semctl(id, 0, IPC_STAT, &ds) || semctl(id, 0, GETALL, values))
		return refused();
	for (unsigned long i = 0; i < ds.sem_nsems; i++)
		printf("%s%u", i ? " " : "", values[i]);
	putchar('\n');
	return 0;
}

/* FLAGS: letters, n IPC_NOWAIT, u SEM_UNDO, - none. With u the process stays until it is killed or its stdin ends. */
static int operate(int id, const char *letters, char **words)
{
	struct sembuf ops[OPS_MAX];
	short flags = (strchr(letters, 'n') ? IPC_NOWAIT : 0) | (strchr(letters, 'u') ? SEM_UNDO : 0);
	size_t count = 0;

	for (; *words && count < OPS_MAX; words++) {
		char *colon = strchr(*words, ':');

		if (!colon)
			return misused();
		ops[count++] = (struct sembuf){(unsigned short)atoi(*words), (short)atoi(colon + 1), flags};
	}
	if (semop(id, ops, count))
		return refused();
	if (flags & SEM_UNDO)
		while (getchar() != EOF)
			;
	return 0;
}

static int sysv(const char *verb, char **arguments)
{
	int id;

	if (strcmp(verb, "make") == 0) {
		id = semget((key_t)strtoul(arguments[0], NULL, 0), atoi(arguments[1]), IPC_CREAT | IPC_EXCL | 0600);
		return id < 0 ? refused() : printf("%d\n", id) < 0;
	}
	id = set_of(arguments[0]);
	if (strcmp(verb, "remove") == 0)
		return semctl(id, 0, IPC_RMID) ? refused() : 0;
	if (strcmp(verb, "values") == 0)
		return show_values(id);
	if (strcmp(verb, "set") == 0)
		return semctl(id, atoi(arguments[1]), SETVAL, atoi(arguments[2])) ? refused() : 0;
	if (strcmp(verb, "op") == 0)
		return operate(id, arguments[1], arguments + 2);
	return misused();
}

/* -- POSIX ---------------------------------------------------------------------------------------------------------- */

static int use(sem_t *sem, const char *verb)
{
	int value;

	if (strcmp(verb, "wait") == 0)
		return sem_wait(sem) ? refused() : 0;
	if (strcmp(verb, "try") == 0)
		return sem_trywait(sem) ? refused() : 0;
	if (strcmp(verb, "post") == 0)
		return sem_post(sem) ? refused() : 0;
	if (strcmp(verb, "get") == 0)
		return sem_getvalue(sem, &value) ? refused() : printf("%d\n", value) < 0;
	return misused();
}

static int named(const char *verb, char **arguments)
{
	sem_t *sem;

	if (strcmp(verb, "unlink") == 0)
		return sem_unlink(arguments[0]) ? refused() : 0;
	if (strcmp(verb, "make") == 0)
		sem = sem_open(arguments[0], O_CREAT | O_EXCL, 0600, (unsigned)atoi(arguments[1]));
	else
		sem = sem_open(arguments[0], 0);
	if (sem == SEM_FAILED)
		return refused();
	return strcmp(verb, "make") == 0 ? 0 : use(sem, verb);
}

static char *memory_of(const char *text)
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
		exit(refused());
	return memory;
}

/* unnamed-VERB MEMORY OFFSET [VALUE] */
static int unnamed(const char *verb, char **arguments)
{
	sem_t *sem = (sem_t *)(void *)(memory_of(arguments[0]) + atoi(arguments[1]));

	if (strcmp(verb, "init") == 0)
		return sem_init(sem, 1, (unsigned)atoi(arguments[2])) ? refused() : 0;
	if (strcmp(verb, "init-private") == 0)
		return sem_init(sem, 0, (unsigned)atoi(arguments[2])) ? refused() : 0;
	return use(sem, verb);
}

int main(int argc, char **argv)
{
	const char *verb;

	if (argc < 3)
		return misused();
	verb = strchr(argv[1], '-');
	if (!verb)
		return misused();
	if (strncmp(argv[1], "sysv-", 5) == 0)
		return sysv(verb + 1, argv + 2);
	if (strncmp(argv[1], "posix-", 6) == 0)
		return named(verb + 1, argv + 2);
	if (strncmp(argv[1], "unnamed-", 8) == 0)
		return unnamed(verb + 1, argv + 2);
	return misused();
}
