// SPDX-License-Identifier: Apache-2.0
#pragma once
// Only the names that libc++'s headers mention; there are no files and no streams here.
#include <stdarg.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct VireoNoFile FILE;
typedef long fpos_t;
#define EOF (-1)
#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2

int remove(const char*);
int rename(const char*, const char*);
int vsnprintf(char* __restrict, size_t, const char* __restrict, va_list);
int snprintf(char* __restrict, size_t, const char* __restrict, ...);

#ifdef __cplusplus
}
#endif
