// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

void* memcpy(void* __restrict to, const void* __restrict from, size_t bytes);
void* memmove(void* to, const void* from, size_t bytes);
void* memset(void* to, int value, size_t bytes);
int memcmp(const void* left, const void* right, size_t bytes);
void* memchr(const void* start, int value, size_t bytes);

size_t strlen(const char* text);
size_t strnlen(const char* text, size_t limit);
int strcmp(const char* left, const char* right);
int strncmp(const char* left, const char* right, size_t limit);
char* strchr(const char* text, int value);
char* strrchr(const char* text, int value);

// Declared because libc++'s <cstring> names them; not provided, so a use fails to link.
int strcoll(const char*, const char*);
size_t strxfrm(char* __restrict, const char* __restrict, size_t);
char* strcpy(char* __restrict, const char* __restrict);
char* strncpy(char* __restrict, const char* __restrict, size_t);
char* strcat(char* __restrict, const char* __restrict);
char* strncat(char* __restrict, const char* __restrict, size_t);
char* strpbrk(const char*, const char*);
char* strstr(const char*, const char*);
char* strtok(char* __restrict, const char* __restrict);
char* strerror(int);
size_t strspn(const char*, const char*);
size_t strcspn(const char*, const char*);

#ifdef __cplusplus
}
#endif
