// SPDX-License-Identifier: Apache-2.0
#pragma once
// Only the names that libc++'s <ctime> and <chrono> mention.
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef long clock_t;
typedef long long time_t;
struct timespec {
    time_t tv_sec;
    long tv_nsec;
};
struct tm {
    int tm_sec, tm_min, tm_hour, tm_mday, tm_mon, tm_year, tm_wday, tm_yday, tm_isdst;
};
#define CLOCKS_PER_SEC 1000000L
#define TIME_UTC 1

clock_t clock(void);
double difftime(time_t, time_t);
time_t mktime(struct tm*);
time_t time(time_t*);
int timespec_get(struct timespec*, int);
char* asctime(const struct tm*);
char* ctime(const time_t*);
struct tm* gmtime(const time_t*);
struct tm* localtime(const time_t*);
size_t strftime(char* __restrict, size_t, const char* __restrict, const struct tm* __restrict);

#ifdef __cplusplus
}
#endif
