// SPDX-License-Identifier: Apache-2.0
#pragma once

// What lwIP wants to know of the compiler and of its surroundings. Read by C and by C++.

#define LWIP_NO_INTTYPES_H 1 // only for debug texts, which are not built
#define LWIP_NO_CTYPE_H 1    // its own macros, without a locale

#ifdef __cplusplus
extern "C" {
#endif
unsigned vireo_lwip_random(void);
unsigned short vireo_lwip_checksum(const void* data, int bytes);
void vireo_lwip_assertion_failed(const char* file, int line) __attribute__((noreturn));
#ifdef __cplusplus
}
#endif

#define LWIP_RAND() vireo_lwip_random()
#define LWIP_CHKSUM vireo_lwip_checksum

// The text is dropped: file and line find it again, and a few KiB of every image are saved.
#define LWIP_PLATFORM_DIAG(text)                                                                             \
    do {                                                                                                     \
    } while (0)
#define LWIP_PLATFORM_ASSERT(text) vireo_lwip_assertion_failed(__FILE_NAME__, __LINE__)
