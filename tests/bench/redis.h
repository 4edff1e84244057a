/* A queue against the fastest way that many programs take instead of one. */
#pragma once

/* Left out, with a word, where Redis is not installed. */
void bench_redis(void);
