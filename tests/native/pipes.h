/* What the parts of `pipes` share: doing things to descriptors and printing what came of it, on one line. */
#pragma once

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { PAGE = 4096, ROOM = 65536, BIG = 200000 };

extern const char *place;   /* the directory to work in */
extern char path[PATH_MAX]; /* of the pipe or FIFO at hand */
extern char bytes[1 << 20];

void count_signal(int signal);
void die(const char *what);
int must(int result, const char *what);
void nonblocking(int fd, bool on);
void print_result(const char *verb, size_t size, ssize_t n, int error);
void do_read(int fd, size_t size);
void do_write(int fd, size_t size);
void do_poll(int fd, short events, int timeout);
void until_asleep(pid_t pid);
pid_t child(void);
void __attribute__((noreturn)) done(int status);
void reap(pid_t pid);
void timer(int ms);

/* fifos.c */
int only_fifos(void);
int is_opening(const char *pid);
