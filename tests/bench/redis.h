/* A message queue of ipcfs compared with Redis, a common message queue between programs. */
#pragma once

/* Prints a note and measures nothing if redis-server is not installed. */
void bench_redis(void);
